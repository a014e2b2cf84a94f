"""The models of an operation's `outcomes`: what responses of the OMS mean that differ from the documented ones."""

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from tenantproxy.oms.outcomes import MAX_CONDITIONS, MAX_STATUSES
from tenantproxy_operator.api.fields import Model, cel, invalid
from tenantproxy_operator.api.mapping_parts import Condition, Pointer

Status = Annotated[int, Field(ge=200, le=599)]

_OfAnyRead = Literal[
    "upstream-error",
    "upstream-forbidden",
    "upstream-rate-limited",
    "upstream-rejected-credentials",
    "upstream-timeout",
]
"""What a response to either read may mean."""
_MEANS: Final = "The code of the problem that the caller gets (docs/errors.md)"
_TREATED: Final = (
    "upstream-rejected-credentials is treated like 401, upstream-error and upstream-timeout count as failures of"
    " the OMS."
)

_READS_NOTHING: Final = "is missing for status 200; no order would ever be read"


class BodyCondition(Condition):
    """What must be so in the body of a response."""

    from_: Pointer = Field(
        alias="from",
        description="Where to look, such as /errors/0/type: an RFC 6901 pointer into the body. All of it is at "
        '""; an empty body is null.',
    )


class _Outcome(Model):
    """What responses mean that have one of these statuses, and such a body."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.when) || !(200 in self.status)", _READS_NOTHING, path=".when"),
                cel(
                    "self.status.all(one, self.status.exists_one(other, other == one))",
                    "names a status twice; remove one",
                    path=".status",
                ),
            ]
        }
    )

    status: list[Status] = Field(
        min_length=1,
        max_length=MAX_STATUSES,
        description="The response has one of these statuses, such as [400].",
    )
    when: list[BodyCondition] = Field(
        default_factory=list,
        min_length=1,
        max_length=MAX_CONDITIONS,
        description="All of these hold for its body. Absent: whatever the body is. In a body that is not JSON, "
        "or has more values than orders can have, none holds.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.status)) < len(self.status):
            raise invalid("names a status twice in `status`; remove one")
        if 200 in self.status and not self.when:  # noqa: PLR2004 - HTTP
            raise invalid(f"has no `when`, which {_READS_NOTHING}")
        return self


class OrderOutcome(_Outcome):
    """What responses to reading one order mean."""

    means: Literal["order-not-found", _OfAnyRead] = Field(description=f"{_MEANS}. {_TREATED}")


class SearchOutcome(_Outcome):
    """What responses to a search mean."""

    means: Literal["no-orders-found", "search-rejected", _OfAnyRead] = Field(
        description=f"{_MEANS}; no-orders-found: it gets an empty list. {_TREATED}"
    )
