"""Where spans go to: what the configuration and OpenTelemetry's variables say."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from opentelemetry.util.re import parse_env_headers

from support.proxy.relaying import relay_config
from support.proxy.running import proxy_config
from tenantproxy import config
from tenantproxy.config import ConfigError
from tenantproxy.metrics import Metrics
from tenantproxy.tracing.choice import parts_of
from tenantproxy.tracing.settings import traces_endpoint
from tenantproxy.validation import find_errors

BASE = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
PLAIN = proxy_config("https://oms.example")


def sending_to(endpoint: str | None, egress: config.Egress | None = None) -> config.ProxyConfig:
    """Return a configuration with an endpoint for spans."""
    tracing = config.Tracing(endpoint=endpoint)
    return msgspec.structs.replace(PLAIN, tracing=tracing, egress=egress or config.Egress())


@pytest.mark.parametrize(
    ("endpoint", "environment", "url"),
    [
        (None, {}, None),
        (None, {BASE: ""}, None),
        (None, {BASE: "http://col:4318"}, "http://col:4318/v1/traces"),
        (None, {BASE: "https://col.example/otlp/"}, "https://col.example/otlp/v1/traces"),
        (None, {TRACES: "http://col:4318/here", BASE: "http://other"}, "http://col:4318/here"),
        (None, {BASE: "http://col:4318", "OTEL_SDK_DISABLED": "true"}, None),
        (None, {BASE: "http://col:4318", "OTEL_TRACES_EXPORTER": "none"}, None),
        (
            None,
            {BASE: "http://col:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
            "http://col:4318/v1/traces",
        ),
        ("http://col:4318", {}, "http://col:4318/v1/traces"),
        ("http://col:4318/", {BASE: "http://other"}, "http://col:4318/v1/traces"),
        ("http://col:4318", {"OTEL_SDK_DISABLED": "true"}, None),
    ],
)
def test_where_spans_go_to(endpoint: str | None, environment: dict[str, str], url: str | None) -> None:
    """The configuration comes first; without either there are none."""
    assert traces_endpoint(config.Tracing(endpoint=endpoint), PLAIN.egress, environment) == url
    if endpoint is None:
        assert traces_endpoint(None, PLAIN.egress, environment) == url


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({BASE: "col:4318"}, f"{BASE} is not an http"),
        ({TRACES: "ftp://col"}, f"{TRACES} is not an http"),
        ({BASE: "http://user:password@col"}, f"{BASE} has user-info"),
        ({BASE: "http://169.254.169.254"}, f"{BASE} names a host that is "),
        ({BASE: "http://col", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL must be http"),
        ({BASE: "http://col", "OTEL_EXPORTER_OTLP_HEADERS": "password"}, "OTEL_EXPORTER_OTLP_HEADERS is no list"),
        (
            {BASE: "http://col", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=b,c=pass;password"},
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS is no list",
        ),
        ({BASE: "http://col", "OTEL_BSP_SCHEDULE_DELAY": "-1"}, "OTEL_BSP_SCHEDULE_DELAY is no whole number"),
        ({BASE: "http://col", "OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "OTEL_BSP_MAX_QUEUE_SIZE is no whole number"),
        ({BASE: "http://col", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "x"}, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE is no"),
    ],
)
def test_a_variable_that_cant_be_used(environment: dict[str, str], told: str) -> None:
    """It is named, with the fix, and its value is not repeated."""
    with pytest.raises(ConfigError) as raised:
        traces_endpoint(None, PLAIN.egress, environment)
    assert str(raised.value).startswith(told)
    assert "password" not in str(raised.value)


@pytest.mark.parametrize(
    ("headers", "number"), [("", 0), ("api-key=abc%20def", 1), (" a = b/c== , x-b=Bearer d e,", 2), ("a=", 1)]
)
def test_headers_that_the_sdk_takes(headers: str, number: int, caplog: pytest.LogCaptureFixture) -> None:
    """They pass, and are none of those which it would log."""
    environment = {BASE: "http://col:4318", "OTEL_EXPORTER_OTLP_HEADERS": headers}
    assert traces_endpoint(None, PLAIN.egress, environment) == "http://col:4318/v1/traces"
    assert len(parse_env_headers(headers, liberal=True)) == number
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("http://otel-collector.observability:4318", None),
        ("http://10.0.0.7:4318", None),
        ("http://10.9.0.7:4318", "names a host that is on the operator's deny list"),
        ("http://metadata.google.internal", "names a host that is a cloud metadata host"),
        ("http://col:4318?a=b", "has a query; remove it"),
        ("http://user@col", "has user-info; remove it"),
        ("col", "is not an http(s) URL"),
    ],
)
def test_the_endpoint_of_a_configuration_is_checked(endpoint: str, told: str | None) -> None:
    """By the rules for all URLs of the platform team."""
    errors = find_errors(sending_to(endpoint, config.Egress(deny=("10.9.0.0/16",))))
    assert [(error.field, error.detail.startswith(told or "")) for error in errors] == (
        [] if told is None else [("tracing.endpoint", True)]
    )


@pytest.mark.parametrize("ratio", [-0.1, 1.1, "0.5"])
def test_a_ratio_is_a_share(ratio: object) -> None:
    """It is between 0 and 1."""
    given = msgspec.json.decode(config.encode(PLAIN)) | {"tracing": {"samplingRatio": ratio}}
    with pytest.raises(ConfigError, match=r"tracing\.samplingRatio"):
        config.decode(msgspec.json.encode(given), source="config.json")


_IMPORTED = """
import sys
from pathlib import Path
from tenantproxy import config
from tenantproxy.credentials.stores.files import FileStore
from tenantproxy.lifecycle import Given
from tenantproxy.transport.tls import TlsFiles
from tenantproxy.validation import validate_config
import asyncio
async def main():
    given = config.load(Path(sys.argv[1]))
    compiled = validate_config(given)
    beside = Given(FileStore(Path("x")), TlsFiles(given.upstream.tls, Path("x")), Path("x"))
    if given.poslog:
        from tenantproxy.relay.app import Relay
        Relay(given, beside, secrets=Path("x"))
    else:
        from tenantproxy.app import Proxy
        Proxy(given, compiled, beside)
asyncio.run(main())
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize("given", [PLAIN, relay_config("https://oms.example")], ids=["proxy", "relay"])
def test_what_is_off_costs_nothing(tmp_path: Path, given: config.ProxyConfig) -> None:
    """Without an endpoint nobody imports anything of OpenTelemetry, nor of what that needs."""
    file = tmp_path / "config.json"
    file.write_bytes(config.encode(given))
    command = (sys.executable, "-c", _IMPORTED, str(file))
    imported = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    assert "aiohttp" in imported
    assert not {"google", "opentelemetry", "requests", "urllib3"} & {*imported}


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenTelemetry is not installed, whoever configures an endpoint is told what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    monkeypatch.delitem(sys.modules, "tenantproxy.tracing.traced", raising=False)
    with pytest.raises(ConfigError, match=r"install tenantproxy\[otel\]"):
        parts_of(sending_to("http://col:4318"), Metrics(PLAIN.tenant), {})
