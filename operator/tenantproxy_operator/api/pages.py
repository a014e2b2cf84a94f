"""The model of a search's `pages`: how they are followed."""

from typing import Self

from pydantic import ConfigDict, Field, model_validator

from tenantproxy.oms.requests.paging import MAX_CONDITIONS
from tenantproxy_operator.api.fields import Model, cel, invalid
from tenantproxy_operator.api.mapping_parts import Pointer
from tenantproxy_operator.api.outcomes import BodyCondition

_ENDS = ("size", "total", "more")
_THERE = ", ".join(f"has(self.{name})" for name in _ENDS)
_TWO_ENDS = "has two of size, total and more; keep one that says which page is the last"
_LINK_ALONE = "goes with no size, total, more or cursor; remove them"


class Pages(Model):
    """How the pages of a search are followed; one of {page.offset}, {page.number}, {page.cursor} and link."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(f"[{_THERE}].filter(each, each).size() <= 1", _TWO_ENDS),
                cel(
                    f"!self.link || !([{_THERE}, has(self.cursor)].exists(each, each))", _LINK_ALONE, path=".link"
                ),
            ]
        }
    )

    first: int = Field(
        default=1,
        ge=0,
        le=1,
        description="The number of the first page, for {page.number}: 1, or 0 as SAP Commerce has it.",
    )
    size: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="A page with fewer orders than this is the last one. The number that the OMS really "
        "gives: if it gives fewer than the request asks for, every page would be the last.",
    )
    total: Pointer | None = Field(
        default=None,
        description="Where in the response it is how many orders there are in all, such as /total: an RFC 6901 "
        "pointer.",
    )
    more: list[BodyCondition] = Field(
        default_factory=list,
        min_length=1,
        max_length=MAX_CONDITIONS,
        description="What holds for a response with another page behind it, such as [{from: "
        '/data/orders/pageInfo/hasNextPage, in: ["true"]}].',
    )
    cursor: Pointer | None = Field(
        default=None,
        description="Where in the response the next page's {page.cursor} is, such as "
        "/data/orders/pageInfo/endCursor: an RFC 6901 pointer. Where there is nothing, the page is the last one.",
    )
    link: bool = Field(
        default=False,
        description="Whether the address of the next page is in the header Link, with rel=next; it must be below "
        "upstream.url. A response without one is the last page.",
    )
    max: int = Field(
        default=5,
        ge=2,
        le=20,
        description="How many pages are read at most, all of them within timeout and upstream.maxResponseBytes. A "
        "response that lacks further ones says so: Incomplete-Results.",
    )

    @model_validator(mode="after")
    def _check_end(self) -> Self:
        given = [name for name in _ENDS if getattr(self, name)]
        if len(given) > 1:
            raise invalid(_TWO_ENDS)
        if self.link and (given or self.cursor is not None):
            raise invalid(f"`link` {_LINK_ALONE}")
        return self
