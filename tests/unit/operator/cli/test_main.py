"""The command line, up to where processes start."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from support.operator.local import secret, tenant_proxy, write
from tenantproxy import __version__
from tenantproxy_operator.api.crd import crd_yaml
from tenantproxy_operator.api.json_schema import json_schema_text
from tenantproxy_operator.cli.main import main
from tenantproxy_operator.kube.kinds import RENDERED
from tenantproxy_operator.render.operator_rbac import operator_manifests

EXAMPLES = Path(__file__).parents[4] / "examples"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_version() -> None:
    """--version names the product and its version."""
    assert _run("--version").output == f"tenantproxy-operator, version {__version__}\n"


@pytest.mark.parametrize("command", [(), ("local",), ("render",), ("crd",), ("rbac",), ("top",)])
def test_help(command: tuple[str, ...]) -> None:
    """Each help text has an example that can be copied."""
    result = _run(*command, "--help")
    assert result.exit_code == 0
    assert "  tenantproxy-operator " in result.output


def test_crd() -> None:
    """`crd` prints what is committed."""
    assert _run("crd").output == crd_yaml()
    assert _run("crd", "--output", "json-schema").output == json_schema_text()


def test_rbac() -> None:
    """`rbac` prints the operator's rights, in each namespace or in all, however the options are ordered."""
    one = _run("rbac", "--namespace", "b", "--namespace", "a", "--service-account", "ops:tp", "--pod-monitors")
    assert list(yaml.load_all(one.output, yaml.CSafeLoader)) == operator_manifests(
        ("a", "b"), "ops", "tp", optional_kinds=frozenset({"PodMonitor"})
    )
    every = _run("rbac", "--all-namespaces")
    expected = operator_manifests(None, "tenantproxy-system", "tenantproxy-operator")
    assert list(yaml.load_all(every.output, yaml.CSafeLoader)) == expected


def test_render_yaml_and_json(tmp_path: Path) -> None:
    """`render` prints the manifests of all tenants, sorted, the same in both forms, and no value of a Secret."""
    path = write(
        tmp_path / "f.yaml", tenant_proxy("b"), tenant_proxy("a"), secret("a", username="u", password="M4RKED")
    )
    as_yaml, as_json = _run("render", "-f", str(path)), _run("render", "-f", str(path), "-o", "json")
    assert list(yaml.load_all(as_yaml.output, yaml.CSafeLoader)) == json.loads(as_json.output)
    names = [each["metadata"]["name"] for each in json.loads(as_json.output) if each["kind"] == "Deployment"]
    assert names == ["a-proxy", "b-proxy"]
    assert "M4RKED" not in as_yaml.output + as_json.output


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    "command",
    [
        ("render", "-f", "f.yaml", "--tracing-endpoint", "http://col:4318", "--tracing-sampling-ratio"),
        ("top", "--interval"),
        ("run", "--all-namespaces", "--leader-elect-renew-deadline"),
    ],
)
def test_a_number_is_one(command: tuple[str, ...], number: str) -> None:
    """What is beyond no bound, and yet no number, is refused by its option's name."""
    result = _run(*command, number)
    assert result.exit_code == 2
    assert f"Invalid value for '{command[-1]}'" in result.stderr


def test_render_every_child(tmp_path: Path) -> None:
    """`render` prints each kind of child, the optional ones where their options are given."""
    spec: dict[str, Any] = {
        "autoscaling": {"maxReplicas": 3},
        "route": {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example.com"]},
    }
    path = write(tmp_path / "f.yaml", tenant_proxy(**spec))
    result = _run("render", "-f", str(path), "--pod-monitors", "--http-routes")
    assert result.stderr == ""
    assert [each["kind"] for each in yaml.load_all(result.stdout, yaml.CSafeLoader)] == [
        kind.kind for kind in RENDERED
    ]


def test_render_says_what_has_no_effect(tmp_path: Path) -> None:
    """A route that nothing is made of is no error, but not passed over in silence."""
    route = {"gatewayRef": {"name": "public"}, "hostnames": ["orders.example.com"]}
    path = write(tmp_path / "f.yaml", tenant_proxy(route=route))
    result = _run("render", "-f", str(path))
    assert result.exit_code == 0
    assert "HTTPRoute" not in result.stdout
    assert result.stderr.startswith(
        "note: tenants/acme: spec.route: has no effect; it needs the operator's option"
    )


def test_render_warns_of_minor_units(tmp_path: Path) -> None:
    """An amount taken as it is from what is named like cents is no error, but not passed over in silence."""
    deposit = {"from": "/deposit/centAmount"}
    mapping: dict[str, Any] = {"getOrder": {"fields": {"minimumDownPaymentAmount": deposit}}}
    path = write(tmp_path / "f.yaml", tenant_proxy(mapping=mapping))
    for output in ("yaml", "json", "config"):
        result = _run("render", "-f", str(path), "-o", output)
        assert result.exit_code == 0
        assert result.stderr.startswith(
            "warning: tenants/acme: spec.mapping.getOrder.fields.minimumDownPaymentAmount: takes `centAmount` as"
        )
        assert len(result.stderr.splitlines()) == 1
    deposit["scaleFrom"] = "/deposit/fractionDigits"
    write(path, tenant_proxy(mapping=mapping))
    assert _run("render", "-f", str(path)).stderr == ""


def test_render_says_who_wants_the_same(tmp_path: Path) -> None:
    """One tenant's two TenantProxies, or two tenants with one Secret, are no error until the platform says so."""
    auth = {"secretRef": {"name": "a-credentials"}}
    path = write(
        tmp_path / "f.yaml", tenant_proxy("a"), tenant_proxy("b", auth=auth), tenant_proxy("c", tenantId="T-a")
    )
    result = _run("render", "-f", str(path))
    assert result.exit_code == 0
    shared, duplicate = result.stderr.splitlines()
    assert shared.startswith(f"note: {path}:")
    assert "TenantProxy tenants/b): spec.auth.secretRef: " in shared
    assert duplicate.startswith(f"note: {path}:")
    assert "TenantProxy tenants/c): spec.tenantId: " in duplicate
    assert shared.partition("secretRef: ")[2].startswith(
        "TenantProxies tenants/b and tenants/a are of different tenants and use the same"
    )
    assert "TenantProxies tenants/c and tenants/a have the same spec.tenantId" in duplicate
    result = _run("render", "-f", str(path), "--refuse-duplicate-tenants")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {path}:")
    assert " (document 3, TenantProxy tenants/c): spec: TenantProxies tenants/c and" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--metrics-from", '[{"ipBlock": {"cidr": "10.1"}}]', "[0].ipBlock.cidr: is not a network"),
        ("--api-server-cidr", "10.1", "write a CIDR"),
    ],
)
def test_bad_options(option: str, value: str, said: str) -> None:
    """What the API server would refuse is refused at once, with the place and the fix."""
    result = _run("render", "-f", str(EXAMPLES / "acme.yaml"), option, value)
    assert result.exit_code == 2
    assert said in result.stderr


_CLUSTER = {
    "TENANTPROXY_PROXY_IMAGE": "registry.example/tenantproxy:1",
    "TENANTPROXY_IMAGE_PULL_SECRET": "b a",
    "TENANTPROXY_DNS_PORT": "8053 53",
    "TENANTPROXY_API_SERVER_CIDR": "192.0.2.8 192.0.2.7",
    "TENANTPROXY_METRICS_FROM": '[{"podSelector": {}}]',
    "TENANTPROXY_POD_METADATA_PREFIX": "example.com/ example.org/",
    "TENANTPROXY_REFUSE_SHARED_SECRETS": "true",
    "TENANTPROXY_REFUSE_DUPLICATE_TENANTS": "true",
    "TENANTPROXY_POD_MONITORS": "true",
}


def test_options_from_the_environment() -> None:
    """Every option can come from the environment, and gives the same as on the command line, in any order."""
    arguments = ["render", "-f", str(EXAMPLES / "acme.yaml")]
    from_environment = CliRunner().invoke(main, arguments, env=_CLUSTER)
    options = [
        *("--proxy-image", "registry.example/tenantproxy:1"),
        *("--image-pull-secret", "a", "--image-pull-secret", "b"),
        *("--dns-port", "53", "--dns-port", "8053"),
        *("--api-server-cidr", "192.0.2.7/32", "--api-server-cidr", "192.0.2.8/32"),
        *("--metrics-from", '[ {"podSelector": {}} ]'),
        *("--pod-metadata-prefix", "example.org/", "--pod-metadata-prefix", "example.com/"),
        *("--refuse-shared-secrets", "--refuse-duplicate-tenants"),
        "--pod-monitors",
    ]
    from_options = CliRunner().invoke(main, [*arguments, *options])
    assert (from_environment.exit_code, from_environment.stderr) == (0, "")
    assert from_environment.stdout == from_options.stdout
    assert "registry.example/tenantproxy:1" in from_options.stdout
    documented = CliRunner().invoke(main, ["render", "--help"]).output
    assert all(name in documented for name in (*_CLUSTER, "TENANTPROXY_HTTP_ROUTES", "TENANTPROXY_ISSUERS"))


def test_render_config() -> None:
    """`render --output config` is what `tenantproxy serve --config` reads, with the issuers of the file."""
    issuers = str(EXAMPLES / "dev" / "issuers.yaml")
    result = _run("render", "-f", str(EXAMPLES / "acme.yaml"), "--issuers", issuers, "--output", "config")
    rendered = json.loads(result.stdout)
    assert rendered["tenant"]["name"] == "acme"
    assert [each["issuer"] for each in rendered["access"]["issuers"]] == [
        "http://127.0.0.1:8692/",
        "http://127.0.0.1:8692/staff",
    ]


def test_issuers_may_lie_beside_manifests(tmp_path: Path) -> None:
    """The issuers file and its key files are not taken for manifests."""
    write(tmp_path / "acme.yaml", tenant_proxy("acme"))
    (tmp_path / "keys.json").write_text('{"keys": []}')
    issuers = tmp_path / "issuers.yaml"
    issuers.write_text("[{issuer: https://i.example, audiences: [a], jwksFile: keys.json, kind: user}]")
    result = _run("render", "-f", str(tmp_path), "--issuers", str(issuers), "-o", "config")
    assert result.exit_code == 0, result.output


def test_egress_lists() -> None:
    """The lists are rendered in one order, whatever that of the options."""
    options = ("--egress-deny", "10.0.0.0/8", "--egress-allow", "fd00::/8", "--egress-allow", "169.254.1.1")
    result = _run("render", "-f", str(EXAMPLES / "acme.yaml"), "-o", "config", *options)
    assert json.loads(result.stdout)["egress"] == {
        "allow": ["169.254.1.1/32", "fd00::/8"],
        "deny": ["10.0.0.0/8"],
    }


@pytest.mark.parametrize(
    ("environment", "options", "expected"),
    [
        ({"HTTPS_PROXY": "http://squid:3128"}, (), ("http://squid:3128", [])),
        (
            {"https_proxy": "squid:3128", "no_proxy": " b.example,,.a.example "},
            (),
            ("http://squid:3128", [".a.example", "b.example"]),
        ),
        ({"HTTPS_PROXY": "http://a:1", "TENANTPROXY_FORWARD_PROXY": "http://b:2"}, (), ("http://b:2", [])),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "x"}, ("--forward-proxy", "c:3"), ("http://c:3", ["x"])),
        ({"NO_PROXY": "no (list"}, (), None),
        ({"HTTPS_PROXY": "http://a:1"}, ("--forward-proxy", ""), None),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "*"}, (), None),
        ({"HTTP_PROXY": "http://a:1"}, (), None),
    ],
)
def test_forward_proxy_of_the_environment(
    environment: dict[str, str], options: tuple[str, ...], expected: tuple[str, list[str]] | None
) -> None:
    """What other programs read counts, too; this operator's own variable and the option win over it."""
    arguments = ["render", "-f", str(EXAMPLES / "acme.yaml"), "-o", "config", *options]
    result = CliRunner().invoke(main, arguments, env=environment)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)["upstream"].get("forwardProxy")
    assert (found and (found["url"], found["noProxy"])) == expected


def test_render_needs_no_secrets(tmp_path: Path) -> None:
    """What `render` prints does not depend on Secrets, so their manifests need not be there."""
    upstream = {"url": "https://oms.example", "tls": {"caSecretRef": {"name": "elsewhere"}}}
    path = write(tmp_path / "f.yaml", tenant_proxy(upstream=upstream))
    result = _run("render", "-f", str(path), "-o", "config")
    assert json.loads(result.stdout)["upstream"]["tls"] == {"ca": True, "clientCertificate": False}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("rbac",), "error: either --namespace or --all-namespaces is required, not both"),
        (("rbac", "--namespace", "a", "--all-namespaces"), "error: either --namespace or --all-namespaces is"),
        (("rbac", "--namespace", "a", "--service-account", "tp"), "'tp' is not NAMESPACE:NAME"),
        (("render",), "Missing option '-f'"),
        (("render", "-f", "/nowhere"), "error: /nowhere: does not exist; correct the path"),
        (("render", "-f", str(EXAMPLES), "-o", "config"), "prints one tenant's configuration; the manifests have"),
        (("render", "-f", str(EXAMPLES), "--issuers", "/nowhere"), "error: /nowhere: can't be read: No such file"),
        (("local", "-f", str(EXAMPLES), "--issuers", "/nowhere"), "error: /nowhere: can't be read: No such file"),
        (
            ("render", "-f", "x", "--egress-allow", "10/8"),
            "(env var: 'TENANTPROXY_EGRESS_ALLOW'): '10/8' does not appear to be an IPv4",
        ),
        (
            ("local", "-f", "x", "--egress-deny", "10.0.0.1/8"),
            "(env var: 'TENANTPROXY_EGRESS_DENY'): 10.0.0.1/8 has host bits set; write",
        ),
        (
            ("render", "-f", "x", "--forward-proxy", "http://u:M4RKED@squid:3128"),
            "Error: --forward-proxy (TENANTPROXY_FORWARD_PROXY, HTTPS_PROXY, https_proxy) has user-info; put",
        ),
        (
            ("local", "-f", "x", "--forward-proxy", "squid:3128", "--no-proxy", "a.example,http://M4RKED"),
            "Error: --no-proxy (TENANTPROXY_NO_PROXY, NO_PROXY, no_proxy): an entry is not a destination; write",
        ),
        (
            ("local", "-f", "x", "--forward-proxy", "squid:3128", "--forward-proxy-secret", "M4RKED"),
            "Error: --forward-proxy-secret is not a Secret's name; use",
        ),
        (
            ("render", "-f", "x", "--tracing-endpoint", "http://u:M4RKED@collector:4318"),
            "Error: --tracing-endpoint has user-info; remove it",
        ),
        (
            ("local", "-f", "x", "--tracing-endpoint", "http://10.9.0.1:4318", "--egress-deny", "10.9.0.0/16"),
            "Error: --tracing-endpoint names a host that is on the operator's deny list",
        ),
        (("render", "-f", "x", "--tracing-sampling-ratio", "2"), "2.0 is not in the range 0<=x<=1"),
        (("local", "-f", str(EXAMPLES), "--port-base", "0"), "Invalid value for '--port-base'"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], expected: str) -> None:
    """Bad input is status 2, with the reason on stderr and nothing on stdout."""
    result = _run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr
    assert "M4RKED" not in result.stderr


def test_a_variable_of_opentelemetry_that_cant_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """`local` says it once, and starts nothing."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "M4RKED:4318")
    result = _run("local", "-f", str(EXAMPLES))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: OTEL_EXPORTER_OTLP_ENDPOINT is not an http(s) URL; write https://HOST")
    assert "M4RKED" not in result.stderr


@pytest.mark.parametrize("path", [EXAMPLES, EXAMPLES / "mapping"])
def test_examples_are_good(path: Path) -> None:
    """The examples can be used as they are."""
    result = _run("render", "-f", str(path))
    assert (result.exit_code, result.stderr) == (0, "")
