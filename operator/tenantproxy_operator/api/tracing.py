"""The model of `spec.tracing`: which traces proxies and relay record; the operator says where they go to."""

from pydantic import Field

from tenantproxy_operator.api.fields import Model


class Tracing(Model):
    """Which traces the proxies and the relay record."""

    sampling_ratio: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Which share is recorded of the traces that begin at a proxy or a relay: 0 to 1, such as "
        "0.01. What a caller records of its own trace is recorded in any case. Default: the operator's "
        "(--tracing-sampling-ratio).",
    )
