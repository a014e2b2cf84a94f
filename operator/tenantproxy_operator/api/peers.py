"""The peers of a NetworkPolicy (networking.k8s.io/v1 NetworkPolicyPeer), as an option of the operator gives them.

They are checked as the API server would: one that it refuses would stop every tenant's NetworkPolicy.
"""

import ipaddress
import json
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from tenantproxy_operator.api.fields import Model, invalid
from tenantproxy_operator.api.workload import LabelKey, LabelValue
from tenantproxy_operator.manifests.problems import field_errors

Peer = dict[str, Any]


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise invalid("is not a network; write a CIDR without host bits, such as 10.1.0.0/16") from None
    return value


_Cidr = Annotated[str, AfterValidator(_network)]


class _Requirement(Model):
    key: LabelKey
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[LabelValue] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_values(self) -> Self:
        if bool(self.values) != (self.operator in {"In", "NotIn"}):
            raise invalid("needs `values` with In and NotIn, and must have none with Exists and DoesNotExist")
        return self


class _Selector(Model):
    match_labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    match_expressions: list[_Requirement] = Field(default_factory=list)


class _Block(Model):
    cidr: _Cidr
    except_: list[_Cidr] = Field(default_factory=list, alias="except")

    @model_validator(mode="after")
    def _check_exceptions(self) -> Self:
        block = ipaddress.ip_network(self.cidr)
        for each in map(ipaddress.ip_network, self.except_):
            if each.version != block.version or each == block or not each.subnet_of(block):  # type: ignore[arg-type]
                raise invalid("has an `except` that is not strictly inside `cidr`; correct or remove it")
        return self


class _Peer(Model):
    pod_selector: _Selector | None = None
    namespace_selector: _Selector | None = None
    ip_block: _Block | None = None

    @model_validator(mode="after")
    def _check_what(self) -> Self:
        selects = self.pod_selector is not None or self.namespace_selector is not None
        if selects == (self.ip_block is not None):
            raise invalid("needs `namespaceSelector`, `podSelector` or both, or `ipBlock` alone")
        return self


_Peers: Final = TypeAdapter(Annotated[list[_Peer], Field(min_length=1)])


def parse_peers(text: str) -> tuple[Peer, ...]:
    """Return the peers of a JSON list, as a NetworkPolicy has them.

    Raises:
        ValueError: It is no such list; the message says where, and the fix.

    """
    try:
        peers = _Peers.validate_python(json.loads(text))
    except ValidationError as error:
        problems = (f"{field}: {detail}" if field else detail for field, detail in field_errors(error))
        raise ValueError("; ".join(problems)) from None
    except (ValueError, RecursionError):
        raise ValueError("is not JSON; write a list of NetworkPolicy peers") from None
    return tuple(peer.model_dump(by_alias=True, exclude_unset=True) for peer in peers)
