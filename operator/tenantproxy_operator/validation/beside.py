"""What the proxy's compile step says beside what the models have refused, so that all is told at once. Pure.

The parts of `operations` and `mapping` that the models accept are compiled without the rest of the spec, which is
checked without them. A part is as large as what its neighbours may depend on: leaving it out makes no error that
is not there.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import takewhile
from typing import Any, Final

from pydantic import ValidationError

from tenantproxy import validation
from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.names import API_VERSION, KIND
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.render.config import render_config
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation.resource import check_resource

_Steps = Sequence[int | str]

_STANDS_ALONE: Final = frozenset({"maxConnections", "outcomes", "retries", "timeout"})
"""Fields of an operation that say nothing about what is asked for."""
_RULES: Final = "fields"
_SEARCH: Final = "searchOrders"
_UPSTREAM: Final = "spec.upstream"
_RESOURCES: Final = ("spec.resources", "spec.autoscaling", f"{_UPSTREAM}.maxResponseBytes")
_DEPENDS_ON: Final = {
    f"{_UPSTREAM}.url": tuple(
        f"{_UPSTREAM}.{name}" for name in ("url", "allowInsecure", "allowPrivateNetworks", "forwardProxy")
    ),
    f"{_UPSTREAM}.tls": (f"{_UPSTREAM}.url", f"{_UPSTREAM}.tls"),
    "spec.resources": _RESOURCES,
}
"""What a verdict on a field may be about as well: refused, it says nothing of the other one."""


def find_errors_beside(
    manifest: Mapping[str, Any], refused: ValidationError, settings: Settings
) -> list[FieldProblem]:
    """Return what is wrong with the rest of a manifest that the models refuse; `field` is a path in it."""
    spec = _dict(manifest, "spec")
    places = [found["loc"] for found in refused.errors(include_url=False, include_input=False)]
    wrong: list[_Steps] = [place[1:] for place in places if place[:1] == ("spec",)]
    return [*_of_rules(spec, wrong), *_of_the_rest(spec, wrong, settings)]


def _of_the_rest(
    given: Mapping[str, Any], refused: Sequence[_Steps], settings: Settings
) -> Iterator[FieldProblem]:
    """Yield what is wrong outside of operations and mapping."""
    spec = deepcopy(dict(given))
    wrong: list[_Steps] = [("mapping",), ("upstream", "operations"), *refused]
    for path in wrong:
        # Of a list all of it, so that no other element's place changes.
        _leave_out(spec, [*takewhile(lambda step: isinstance(step, str), path)])
    if (resource := _alone(spec)) is None:
        return
    places = [".".join(map(str, ("spec", *path))) for path in wrong]
    for field, detail in check_resource(resource, settings):
        about = next((names for start, names in _DEPENDS_ON.items() if field.startswith(start)), (field,))
        if not any(_overlap(name, place) for name in about for place in places):
            yield FieldProblem(field, detail)


def _overlap(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _of_rules(spec: Mapping[str, Any], wrong: Sequence[_Steps]) -> list[FieldProblem]:
    """Return what is wrong with operations and mapping."""
    operations = {name: _dict(each) for name, each in _dict(spec, "upstream", "operations").items()}
    mapping = {name: _dict(each) for name, each in _dict(spec, "mapping").items()}
    given = {*operations}
    for rules in mapping.values():
        if _RULES in rules:
            rules[_RULES] = _dict(rules, _RULES)
    for endpoint in operations.values():
        endpoint.pop("maxConnections", None)  # its bound is elsewhere
    for path in wrong:
        match path:
            case ("mapping", *below):
                _leave_out(mapping, below[: 3 if below[1:2] == [_RULES] else 2])
            case ("upstream", "operations", *below):
                _leave_out(operations, below[: 2 if _STANDS_ALONE.intersection(below[1:2]) else 1])
    resource = _alone({"upstream": {"operations": operations}, "mapping": mapping})
    if resource is None:
        return []
    config = render_config(resource, Settings())
    knows_criteria = _SEARCH in operations or _SEARCH not in given
    return [
        FieldProblem(f"spec.{field}", detail)
        for field, detail in validation.find_errors(config)
        if field.startswith(("mapping.", "upstream.operations."))
        and (knows_criteria or not field.endswith(".criterion"))
    ]


def _dict(value: Any, *path: str) -> dict[str, Any]:  # noqa: ANN401 - whatever a manifest holds
    """Return a copy of an object in a manifest; empty where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return dict(value) if isinstance(value, Mapping) else {}


def _alone(spec: dict[str, Any]) -> TenantProxy | None:
    """Return a TenantProxy with what is left of a spec; None: what the models refuse can't be left out there."""
    spec.setdefault("tenantId", "tenant")
    upstream = spec.setdefault("upstream", {})
    if isinstance(upstream, dict):
        upstream.setdefault("url", "https://oms.example")
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "tenant"}, "spec": spec}
    try:
        return TenantProxy.model_validate(manifest)
    except ValidationError:
        return None


def _leave_out(content: Any, steps: Sequence[int | str]) -> None:  # noqa: ANN401 - whatever a manifest holds
    """Remove what stands at the end of these steps, if that is there; all of it where there are none."""
    if not steps:
        content.clear()
        return
    *above, last = map(str, steps)
    for step in above:
        content = content.get(step) if isinstance(content, dict) else None
    if isinstance(content, dict):
        content.pop(last, None)
