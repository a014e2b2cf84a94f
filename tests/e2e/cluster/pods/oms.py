"""An OMS whose answers say which credential it was asked with: `customerId` is the user's or client's name.

It takes every user whose password is the name and `-password`, so that a credential can change without any being
refused; and tokens of the issuer $OMS_ISSUER, where that is set, for the audience `orders`. It prints a line for
each wrong login.
"""

import asyncio
import base64
import os

from aiohttp import ClientSession, web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ISSUER = os.environ.get("OMS_ISSUER", "")
UNITS = "/api/v1/business-units/{unit}"


async def caller(request: web.Request) -> str:
    """Return who asks; refuse who may not."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        name, _, password = base64.b64decode(value).decode().partition(":")
        if password == f"{name}-password":
            return name
        print("wrong login", flush=True)
    if scheme == "Bearer" and ISSUER:
        async with ClientSession() as session, session.get(f"{ISSUER}/protocol/openid-connect/certs") as answer:
            keys = KeySet.import_key_set(await answer.json())
        rules = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": "orders"}
        )
        try:
            claims = jwt.decode(value, keys, algorithms=["RS256"]).claims
            rules.validate(claims)
        except JoseError:
            raise web.HTTPUnauthorized from None
        return str(claims["azp"])
    raise web.HTTPUnauthorized


async def get_order(request: web.Request) -> web.Response:
    """Answer the order that is asked for."""
    order = {"customerOrderId": request.match_info["order"], "customerId": await caller(request)}
    return web.json_response({"customerOrder": {**order, "status": "CREATED", "items": []}})


async def search(request: web.Request) -> web.Response:
    """Answer one order."""
    order = {"customerOrderId": "CO-1", "customerId": await caller(request), "status": "CREATED"}
    return web.json_response({"customerOrders": [order]})


async def main() -> None:
    """Serve until the end."""
    app = web.Application()
    app.router.add_get(f"{UNITS}/customer-orders/{{order}}", get_order)
    app.router.add_post(f"{UNITS}/customer-orders:search", search)
    runner = web.AppRunner(app, handle_signals=True)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", 8691).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
