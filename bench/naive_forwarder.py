# ruff: noqa: ANN401, D101, D102, D103, N815 - it looks like a weekend project
"""The baseline: a forwarder as a competent developer writes it in a weekend, from stock parts."""

import argparse
import time
from typing import Any

from aiohttp import ClientError, ClientSession, encode_basic_auth, web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from pydantic import BaseModel, ValidationError

REQUESTS = Counter("requests", "Requests answered", ["tenant", "route", "code"])
DURATION = Histogram("request_duration_seconds", "Time to answer", ["tenant", "route"])


class AdditionalInformation(BaseModel):
    id: str
    value: str
    displayText: str
    receiptLabel: str


class Invoice(BaseModel):
    customerAccountId: str
    invoicingAmount: float
    additionalInformation: list[AdditionalInformation] | None = None


class Discount(BaseModel):
    discountAmount: float | None = None
    discountId: str | None = None
    discountText: str | None = None
    rewardType: str | None = None


class Item(BaseModel):
    itemId: str
    quantityOrdered: float
    unitPrice: float
    contributedAmount: float | None = None
    discounts: list[Discount] | None = None


class Summary(BaseModel):
    customerOrderId: str
    customerId: str
    status: str


class Order(Summary):
    items: list[Item]
    minimumDownPaymentAmount: float | None = None
    isLocked: bool | None = None
    invoicePaymentInstructions: Invoice | None = None


class GetAnswer(BaseModel):
    customerOrder: Order


class SearchAnswer(BaseModel):
    customerOrders: list[Summary]


class Criteria(BaseModel):
    customerId: str


class Forwarder:
    def __init__(self, upstream: str, tenant: str) -> None:
        self.upstream, self.tenant = upstream, tenant

    async def open(self, _app: web.Application) -> None:
        authorization = encode_basic_auth("user", "password")
        self.session = ClientSession(headers={"Authorization": authorization, "Tenant-Id": self.tenant})

    async def close(self, _app: web.Application) -> None:
        await self.session.close()

    async def get_order(self, request: web.Request) -> web.Response:
        return await self.forward("get", request, GetAnswer)

    async def search(self, request: web.Request) -> web.Response:
        criteria = Criteria.model_validate(await request.json())
        return await self.forward("search", request, SearchAnswer, json=criteria.model_dump())

    async def forward(self, route: str, request: web.Request, model: type[BaseModel], **body: Any) -> web.Response:
        start = time.perf_counter()
        url = self.upstream + request.path.removeprefix("/api/v1")
        try:
            async with self.session.request(request.method, url, **body) as answer:
                answer.raise_for_status()
                mapped = model.model_validate(await answer.json())
            response = web.json_response(mapped.model_dump(exclude_none=True))
        except (ClientError, ValidationError) as error:
            response = web.json_response({"error": type(error).__name__}, status=502)
        REQUESTS.labels(self.tenant, route, str(response.status)).inc()
        DURATION.labels(self.tenant, route).observe(time.perf_counter() - start)
        return response


async def metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--upstream")
    parser.add_argument("--tenant")
    args = parser.parse_args()
    forwarder = Forwarder(args.upstream, args.tenant)
    app = web.Application()
    app.on_startup.append(forwarder.open)
    app.on_cleanup.append(forwarder.close)
    app.router.add_get("/api/v1/business-units/{unit}/customer-orders/{order}", forwarder.get_order)
    app.router.add_post("/api/v1/business-units/{unit}/customer-orders:search", forwarder.search)
    app.router.add_get("/metrics", metrics)
    web.run_app(app, host="127.0.0.1", port=args.port, print=None)
