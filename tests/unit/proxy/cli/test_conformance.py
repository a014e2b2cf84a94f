"""Bad input of `tenantproxy conformance`: said before anything is requested, with the option and the fix."""

from importlib.metadata import entry_points
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tenantproxy.cli.main import main
from tenantproxy.conformance.checks.table import CHECKS, GROUPS
from tenantproxy.manifests import MANIFEST_LOADERS

SAMPLES = ("--order", "CO-1001", "--business-unit", "store-1", "--customer", "111")
URL = ("--url", "http://127.0.0.1:9/api")
CREDENTIAL = {"TENANTPROXY_USERNAME": "acme", "TENANTPROXY_PASSWORD": "not-a-secret"}
MANIFEST = """\
apiVersion: proxy.hiiretail.com/v1alpha1
kind: TenantProxy
metadata: {name: NAME}
spec: {tenantId: T1, upstream: {url: "https://oms.example/api"}}
"""


def _run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["conformance", *arguments], env=CREDENTIAL if env is None else env)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (SAMPLES, "give one of --manifest, --config and --url"),
        ((*URL, "--config", "x", *SAMPLES), "give one of --manifest, --config and --url"),
        (("--url", "oms.example", *SAMPLES), "--url is not an http(s) URL; write https://HOST[:PORT]/PATH"),
        (("--config", "/nonexistent", *SAMPLES), "/nonexistent: No such file"),
        (("--manifest", "/nonexistent", *SAMPLES), "/nonexistent: does not exist; correct the path"),
        (URL, "--order, --business-unit and --customer are needed"),
        ((*URL, *SAMPLES, "--order", "a/b"), "--order must start with a letter or digit"),
        ((*URL, *SAMPLES, "--business-unit", "ä"), "--business-unit must start with a letter or digit"),
        ((*URL, *SAMPLES, "--other-order", "CO-1001"), "--other-order is the same as --order"),
        ((*URL, *SAMPLES, "--customer", ""), "customerId must have 1 to 256 characters"),
        ((*URL, *SAMPLES, "--customer", "\udcff"), "--customer is not valid Unicode text"),
        ((*URL, *SAMPLES, "--criterion", "email=x"), "email is not a criterion of this search"),
        ((*URL, *SAMPLES, "--tenant-id", "a b"), "--tenant-id must be 1 to 128 letters"),
        ((*URL, *SAMPLES, "--webhook", "hooks"), "--webhook is not an http(s) URL"),
        (
            (*URL, *SAMPLES, "--webhook", "https://user:secret@h/x"),
            "--webhook has user-info; put credentials into $POSLOG_USERNAME and $POSLOG_PASSWORD\n",
        ),
        (
            ("--url", "https://user:secret@h/x", *SAMPLES),
            "--url has user-info; put credentials into TENANTPROXY_USERNAME and TENANTPROXY_PASSWORD, or into",
        ),
        ((*URL, *SAMPLES, "--html", "/nonexistent/x.html"), "--html: /nonexistent is no directory; create it"),
        ((*URL, *SAMPLES, "--html", "-", "--json", "-"), "--html: another report goes to -, too"),
        ((*URL, *SAMPLES, "--credentials", "/nonexistent"), "--credentials: /nonexistent is no directory"),
        (
            (*URL, *SAMPLES, "--tls", "/nonexistent"),
            "--tls: /nonexistent has neither ca/ca.crt nor client/tls.crt",
        ),
    ],
)
def test_bad_input(arguments: tuple[str, ...], problem: str) -> None:
    """The option, what is wrong, and the fix; status 2."""
    result = _run(*arguments)
    assert problem in result.stderr
    assert (result.exit_code, result.stdout) == (2, "")


def test_an_empty_directory(tmp_path: Path) -> None:
    """It has no credential, which is told."""
    result = _run(*URL, *SAMPLES, "--credentials", str(tmp_path))
    assert "there is no credential" in result.stderr
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        ({}, "set TENANTPROXY_USERNAME, TENANTPROXY_PASSWORD, TENANTPROXY_CLIENT_ID"),
        ({"TENANTPROXY_USERNAME": "acme"}, "`password` is missing"),
        (CREDENTIAL | {"TENANTPROXY_BEARER_TOKEN": "t"}, "can't be combined with keys of another type"),
        (CREDENTIAL | {"POSLOG_PASSWORD": "\udcff"}, "$POSLOG_PASSWORD has a character that can't be sent"),
    ],
)
def test_bad_credentials(env: dict[str, str], problem: str) -> None:
    """A credential that is missing, or can't be used, is named by its key or variable."""
    result = _run(*URL, *SAMPLES, "--webhook", "http://127.0.0.1:9", env=env)
    assert problem in result.stderr
    assert result.exit_code == 2


@pytest.mark.parametrize("argument", ["--only=auth.nothing", "--group=nothing", "--rate=51", "--requests=501"])
def test_bad_options(argument: str) -> None:
    """What is out of bounds is refused, before anything else is read."""
    assert _run(argument).exit_code == 2


def test_several_tenants(tmp_path: Path) -> None:
    """A file with two TenantProxies is not guessed about."""
    path = tmp_path / "two.yaml"
    path.write_text(f"{MANIFEST.replace('NAME', 'one')}---\n{MANIFEST.replace('NAME', 'two').replace('T1', 'T2')}")
    result = _run("--manifest", str(path), *SAMPLES)
    assert "holds several TenantProxies (default/one, default/two)" in result.stderr
    assert result.exit_code == 2


def test_without_a_search(tmp_path: Path) -> None:
    """An OMS without a search needs no customer; here a check that requests nothing passes."""
    path = tmp_path / "one.yaml"
    unsupported = 'example/api", operations: {searchOrders: {unsupported: true}}'
    path.write_text(MANIFEST.replace("NAME", "one").replace('example/api"', unsupported))
    result = _run("--manifest", str(path), *SAMPLES[:4], "--only", "tls.https")
    assert result.exit_code == 0, result.stderr
    assert "passed     tls.https" in result.stdout


def test_an_invalid_manifest(tmp_path: Path) -> None:
    """A manifest's problems are told as `render` tells them."""
    path = tmp_path / "bad.yaml"
    path.write_text(MANIFEST.replace("NAME", "one").replace("https://", "ftp://"))
    result = _run("--manifest", str(path), *SAMPLES)
    assert "spec.upstream.url" in result.stderr
    assert result.exit_code == 2


def test_the_loader_of_manifests() -> None:
    """One entry point reads manifests, and is named as the kit wants it."""
    (loader,) = entry_points(group=MANIFEST_LOADERS)
    assert (loader.name, loader.value) == ("load", "tenantproxy_operator.cli.manifest:load")


def test_list() -> None:
    """All checks with their rules; nothing else is needed for that."""
    result = _run("--list", env={})
    assert [line.split()[0] for line in result.stdout.splitlines()] == [check.id for check in CHECKS]
    assert result.exit_code == 0


def test_list_some() -> None:
    """The checks of a group, and one by its id."""
    result = _run("--list", "--group", "headers", "--only", "auth.wrong")
    names = {line.split()[0] for line in result.stdout.splitlines()}
    assert names == {"auth.wrong", "headers.tenant-id", "headers.correlation-id", "headers.traceparent"}


def test_ids() -> None:
    """Each check has an id of its own, in its group, and a rule that is one sentence."""
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert {check.group for check in CHECKS} == {group.name for group in GROUPS}
    assert [check.id for check in CHECKS if not check.rule.endswith(".") or not check.fix.endswith(".")] == []


def test_without_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed without the extra, a command says which one it needs."""
    monkeypatch.setattr("tenantproxy.cli.lazy.import_module", _without_aiohttp)
    result = _run("--list")
    assert result.exit_code == 1
    assert "package aiohttp is not installed; install tenantproxy[proxy]" in result.stderr


def _without_aiohttp(_name: str) -> None:
    raise ModuleNotFoundError("No module named 'aiohttp.abc'", name="aiohttp.abc")
