"""What a developer writes with the client that a generator has made; it prints what it got."""

import json
import os
import sys
from typing import Any

import openapi_client as api  # type: ignore[import-not-found]  # generated

IDP_URLS = (
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/oauth2/v2.0/token",
    "https://sso.acme.example:8443/realms/orders/protocol/openid-connect/token",
)


def _client(token: str) -> Any:
    return api.ApiClient(api.Configuration(host=os.environ["URL"], access_token=os.environ[token]))


def _problem(error: Any) -> Any:
    problem = api.Problem.from_json(error.body)
    return [
        problem.code == api.ProblemCode(problem.code),
        problem.code.value,
        [e.pointer for e in problem.errors or []],
    ]


def _is_refused(body: dict[str, Any]) -> bool:
    try:
        api.Credential.from_dict(body)
    except ValueError:
        return True
    return False


def main() -> None:
    """Set each kind of credential, built and read from JSON; read and search with those that the OMS takes."""
    orders, credential = api.OrdersApi(_client("READER")), api.CredentialApi(_client("ADMIN"))
    got: dict[str, Any] = {}
    basic = api.Basic(type="basic", config=api.BasicConfig(username="user", password="right"))
    credential.put_proxy_config(api.Credential(basic), validate=True)
    order = orders.get_order("store-1", "CO-1001").customer_order
    got["order"], got["unitPrice"] = order.customer_order_id, order.items[0].unit_price
    found = orders.search_orders("store-1", api.SearchCriteria(customer_id=order.customer_id))
    got["found"] = order.customer_order_id in [each.customer_order_id for each in found.customer_orders]
    try:
        criteria = api.SearchCriteria(customer_id="1", additional_properties={"email": "a@acme.example"})
        orders.search_orders("store-1", criteria)
    except api.ApiException as error:
        got["criteria"] = _problem(error)
    try:
        orders.get_order("store-1", "CO-0")
    except api.ApiException as error:
        got["unknown"] = _problem(error)
    read = [api.Credential.from_dict(each) for each in json.loads(os.environ["CREDENTIALS"])]
    got["read"] = [each.to_dict() for each in read]
    for each in read:
        credential.put_proxy_config(each)
    got["refused"] = _is_refused({"type": "nope"})
    for url in (*IDP_URLS, os.environ["AUTH_URL"]):
        config = api.OAuth2Config(client_id="id", client_secret="secret", auth_url=url)
    credential.put_proxy_config(api.Credential(api.OAuth2(type="oauth2", config=config)))
    got["stored"] = []
    for stored in (api.Credential(api.StoredCredential()), api.Credential.from_dict({})):
        state = credential.put_proxy_config(stored, dry_run=True)
        got["stored"].append([state.type, state.client_id, state.test.outcome])
    got["withToken"] = orders.get_order("store-1", "CO-1001").customer_order.customer_order_id
    sys.stdout.write(json.dumps(got))


if __name__ == "__main__":
    main()
