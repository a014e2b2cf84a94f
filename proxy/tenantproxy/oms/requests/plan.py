"""How an operation becomes requests of the OMS: what the platform team says, compiled once."""

from collections.abc import Mapping

import msgspec

from tenantproxy.config import Endpoint, OrderEndpoint, SearchEndpoint, Upstream
from tenantproxy.errors import FieldProblem
from tenantproxy.oms.requests.bodies import JsonBody
from tenantproxy.oms.requests.compiler import EndpointCompiler, RequestError, Values
from tenantproxy.oms.requests.criteria import invalid, pointer
from tenantproxy.oms.requests.fixed_headers import as_sent
from tenantproxy.oms.requests.paging import values_at
from tenantproxy.oms.requests.request import OmsRequest, Position
from tenantproxy.oms.requests.templates import CRITERIA, UnfitError
from tenantproxy.operations import OPERATIONS, ORDER_ID, Operation
from tenantproxy.problems import Problem


class RequestPlan:
    """How the requests of one operation are made."""

    def __init__(self, operation: Operation, endpoint: Endpoint, base: str = "") -> None:
        """Compile; `base` is the base URL.

        Raises:
            RequestError: It can't be used.

        """
        compiler = EndpointCompiler(operation, endpoint, base)
        self._operation = operation.name
        self._method = endpoint.method
        self.headers = as_sent(endpoint.headers)
        """The fixed ones, and what the body is."""
        self.is_supported = not (isinstance(endpoint, SearchEndpoint) and endpoint.unsupported)
        self.criteria = compiler.criteria
        """None where there are none."""
        self.order_ids = compiler.order_ids
        """What the ids of orders may be."""
        self.paging = compiler.paging
        """How pages are followed; None: there are none."""
        self._forms = compiler.forms
        self._path = compiler.path
        self._query = compiler.query
        self._body = compiler.body
        self._names_criteria = compiler.names_criteria
        self._sends_documented_body = endpoint.method == "POST" and compiler.body is None
        self._is_documented = compiler.path_is_plain and not (self._forms or self._query or self._body)
        """But for literal parts of the path, in which nothing has to be checked."""
        if compiler.body is not None:
            self.headers["Content-Type"] = compiler.body.content_type
        elif self._sends_documented_body and operation.takes_criteria:
            self.headers["Content-Type"] = JsonBody.content_type
        self.probe = compiler.probe
        """The ids of the order that credentials are tried with; none where the operation reads no single order."""
        if isinstance(endpoint, OrderEndpoint):
            self._check_probe(endpoint)

    def requests(
        self, ids: Values, criteria: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> tuple[OmsRequest, ...]:
        """Return the requests for checked ids and criteria: the next one is for where no order was found.

        Raises:
            Problem: `invalid-id` or `invalid-request`: a value can't stand where the OMS wants it.

        """
        if self._is_documented:
            body = _documented_body(criteria) if self._sends_documented_body else None
            return (OmsRequest(self._operation, self._method, self._path(ids), headers, body),)
        if self.paging is not None:
            return (self._page(ids, criteria, headers, self.paging.first),)
        if not self._forms:
            return (self._request(ids, criteria, headers),)
        forms = dict.fromkeys(form(ids[ORDER_ID]) for form in self._forms)
        return tuple(
            self._request({**ids, ORDER_ID: form}, criteria, headers)._replace(order_id=form) for form in forms
        )

    def _page(
        self, ids: Values, criteria: Mapping[str, str] | None, headers: Mapping[str, str], here: Position
    ) -> OmsRequest:
        """Return the request for a page."""
        request = self._request({**ids, **values_at(here)}, criteria, headers)
        if here.target is not None:
            request = request._replace(path=here.target)
        return request._replace(at=lambda there: self._page(ids, criteria, headers, there))

    def _check_probe(self, endpoint: OrderEndpoint) -> None:
        try:
            self.requests(self.probe, None, {})
        except Problem as problem:
            (unfit,) = problem.errors
            name = unfit.field.removeprefix("/path/")
            field, detail = f"probe.{name}", f"{unfit.detail}; name another id"
            if name == ORDER_ID and (endpoint.probe is None or endpoint.probe.customer_order_id is None):
                field = "idPattern" if endpoint.id_pattern is not None else "ids"
                detail = (
                    f"makes ids that can't be sent: beside other text an id {unfit.detail}; let {{{ORDER_ID}}} "
                    "stand alone or in quotes, or, if most ids can be sent, name one in `probe`"
                )
            raise RequestError([FieldProblem(f"{self._operation}.{field}", detail)]) from None

    def _request(self, ids: Values, criteria: Mapping[str, str] | None, headers: Mapping[str, str]) -> OmsRequest:
        values = ids
        if self._names_criteria and criteria is not None:
            values = {**ids, **{f"{CRITERIA}{name}": value for name, value in criteria.items()}}
        try:
            target = self._path(values)
            if self._query is not None and (query := self._query.text(values)):
                target = f"{target}?{query}"
            body = None if self._body is None else self._body.fill(values)
        except UnfitError as error:
            raise _unfit(error) from None
        if self._sends_documented_body:
            body = _documented_body(criteria)
        return OmsRequest(self._operation, self._method, target, headers, body)


def compile_requests(upstream: Upstream) -> dict[str, RequestPlan]:
    """Return how each operation is requested, by its name.

    Raises:
        RequestError: Of one or more that can't be used.

    """
    plans, errors = {}, []
    for operation in OPERATIONS:
        endpoint = upstream.operations.of(operation)
        try:
            plans[operation.name] = RequestPlan(operation, endpoint, upstream.url)
        except RequestError as error:
            errors += error.errors
        if (endpoint.max_connections or 0) > upstream.max_connections:
            more = f"is more than upstream.maxConnections, {upstream.max_connections}; lower it"
            errors.append(FieldProblem(f"{operation.name}.maxConnections", more))
    if errors:
        raise RequestError(errors)
    return plans


def _unfit(error: UnfitError) -> Problem:
    if error.name.startswith(CRITERIA):
        return invalid(FieldProblem(pointer(error.name.removeprefix(CRITERIA)), error.detail))
    problem = FieldProblem(f"/path/{error.name}", error.detail)
    return Problem("invalid-id", f"`{error.name}` {error.detail}.", errors=[problem])


def _documented_body(criteria: Mapping[str, str] | None) -> bytes:
    """Return the body of a POST of which the platform team says none."""
    return b"" if criteria is None else msgspec.json.encode(criteria)
