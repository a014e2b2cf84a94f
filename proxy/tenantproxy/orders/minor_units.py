"""Tell where an amount may be taken in minor units, such as cents, without being scaled."""

from tenantproxy import config
from tenantproxy.errors import FieldProblem


def suspects(mapping: config.Mapping) -> list[FieldProblem]:  # noqa: ARG001 - its body follows
    """Return the rules, by path below `mapping`, that take an amount as it is from a member named like cents."""
    return []
