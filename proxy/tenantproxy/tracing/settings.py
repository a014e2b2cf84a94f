"""Whether spans are wanted, and where they go to: by the configuration, else by OpenTelemetry's own variables.

The SDK reads the other variables itself: sampler, headers, certificates, compression, the queue's bounds.
"""

import re
from collections.abc import Mapping
from typing import Final

from tenantproxy.config import ConfigError, Egress, Tracing
from tenantproxy.transport.egress import UrlError, check_url
from tenantproxy.transport.egress_policy import platform_policy

_PATH: Final = "/v1/traces"
"""Below a base URL (OTLP 1.x, OTLP/HTTP)."""
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_OUR_PROTOCOL: Final = "http/protobuf"
_HEADERS: Final = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS")
_HEADER: Final = re.compile(r"""\s*[!#-'*+\-.0-9A-Z^-z|~]+\s*=[ !#-+\--:<-\[\]-~]*""")
"""One that the SDK takes; any other one it would log, with what may be a password."""
_NUMBERS: Final = (
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
)


def traces_endpoint(tracing: Tracing | None, egress: Egress, environment: Mapping[str, str]) -> str | None:
    """Return the URL to which spans are sent; None: there are to be none.

    Raises:
        ConfigError: A variable names what can't be used.

    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    if tracing and tracing.endpoint:
        _check_variables(environment)
        return _below(tracing.endpoint)
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() != "otlp":
        return None
    if url := environment.get(_TRACES_ENDPOINT):
        name = _TRACES_ENDPOINT
    elif url := environment.get(_ENDPOINT):
        name, url = _ENDPOINT, _below(url)
    else:
        return None
    try:
        check_endpoint(url, egress)
    except UrlError as error:
        raise ConfigError(f"{name} {error}") from None
    for variable in _PROTOCOLS:
        if protocol := environment.get(variable):
            if protocol != _OUR_PROTOCOL:
                raise ConfigError(f"{variable} must be {_OUR_PROTOCOL}, or not set: spans are sent by that alone")
            break
    _check_variables(environment)
    return url


def check_endpoint(url: str, egress: Egress) -> None:
    """Check the URL of a collector; the lists of `egress` have been checked.

    Raises:
        UrlError: See `check_url`; plain http and private addresses may be: it is the platform team that names it.

    """
    if "@" in url:
        raise UrlError(
            "has user-info; remove it: a collector that wants a credential is beyond `http://HOST:PORT`"
        )
    check_url(url, platform_policy(egress), allow_insecure=True)


def _check_variables(environment: Mapping[str, str]) -> None:
    """Refuse what the SDK would fail with, or repeat in the log."""
    for name in _HEADERS:
        if not all(_HEADER.fullmatch(each) for each in environment.get(name, "").split(",") if each.strip()):
            raise ConfigError(f"{name} is no list of headers; write NAME=VALUE,NAME=VALUE, values URL-encoded")
    for name in _NUMBERS:
        number = environment.get(name, "")
        if number and not (number.isascii() and number.isdigit() and int(number)):
            raise ConfigError(f"{name} is no whole number above 0; correct it, or unset it")


def _below(base: str) -> str:
    return base.rstrip("/") + _PATH
