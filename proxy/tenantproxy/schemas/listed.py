"""Try the values that a schema lists with the rule that converts them, by the code that converts answers."""

from typing import Final

from msgspec import Raw

from tenantproxy import config
from tenantproxy.orders.json_members import STRING, text
from tenantproxy.orders.rules.values import converter
from tenantproxy.orders.transform import NO_CRITERIA, TransformState
from tenantproxy.schemas.findings import Findings
from tenantproxy.schemas.places import Place, shown

_SHOWN: Final = 10
"""Values in one message."""


def check_listed(findings: Findings, rule: config.Rule, path: str, place: Place) -> None:
    """Tell which of the values that a schema lists a rule makes nothing of."""
    convert = converter(rule)
    if convert is None or place.words is None:
        return
    refused: dict[str, list[str]] = {}
    for raw in place.words:
        state = TransformState(len(raw), NO_CRITERIA)
        convert(raw, None, state)
        for violation in state.violations:
            refused.setdefault(violation.detail, []).append(_word(raw))
    for detail, words in refused.items():
        several = ", ".join(words[:_SHOWN]) + ", …" * (len(words) > _SHOWN)
        if rule.values is not None and rule.part is None:
            problem = f"lists nothing for {several}, which the schema has; add that, or `default`"
            findings.error(f"{path}.values", problem, place.location)
        else:
            findings.error(path, f"can't take {several}, which the schema lists: {detail}", place.location)


def _word(raw: Raw) -> str:
    return shown(text(raw) if memoryview(raw)[0] == STRING else bytes(raw).decode())
