"""The model of the order that credentials are tried with."""

from typing import Annotated, Final

from pydantic import Field

from tenantproxy.oms.requests.ids import ID, NO_ID, PLAIN_IDS
from tenantproxy.operations import ORDER_ID
from tenantproxy_operator.api.fields import Model, Text, cel

_PlainId = Annotated[str, Text(pattern=rf"^{ID.pattern}$", problem=PLAIN_IDS.detail, longest=128)]
_OrderId = Annotated[
    str,
    Text(
        pattern=r"^[!-$&-~]([ -$&-~]*[!-$&-~])?$",
        problem="must be printable ASCII but for %, with spaces only in between",
        longest=128,
    ),
]

PROBE_RULE: Final = cel(
    f"has(self.idPattern) || !has(self.probe) || !has(self.probe.{ORDER_ID}) || "
    f"self.probe.{ORDER_ID}.matches(r'^{ID.pattern}$')",
    PLAIN_IDS.detail,
    path=f".probe.{ORDER_ID}",
)
"""Of the model that has the probe, and the pattern of ids."""


class Probe(Model):
    """The order that credentials are tried with."""

    business_unit_id: _PlainId | None = Field(
        default=None, description=f"A business unit that the OMS knows. Defaults to {NO_ID}."
    )
    customer_order_id: _OrderId | None = Field(
        default=None,
        description="An order of it, whose response must then hold the contract; or an id that can't exist, in a "
        f"form that the OMS understands. Defaults to {NO_ID}, or the first that idPattern allows.",
    )
