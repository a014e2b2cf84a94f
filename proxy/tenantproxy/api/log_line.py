"""The line of a request; not compiled, since a class's keywords would be lost."""

import msgspec


class Line(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A line; what is not known is left out."""

    method: str | None = None
    route: str | None = None
    status: int | None = None
    code: str | None = None
    reason: str | None = None
    duration_ms: float | None = None
    upstream_status: int | None = None
    upstream_ms: float | None = None
    upstream_calls: int | None = None
    cut_by: str | None = None
    pages: int | None = None
    caller_gone: bool | None = None
    correlation_id: str | None = None
    suppressed: int | None = None
