"""The options of `run`: bad ones end it before anything is done."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tenantproxy_operator.cli.main import main


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either --namespace or --all-namespaces is required, not both"),
        (["--namespace=a", "--all-namespaces"], "either --namespace or --all-namespaces is required, not both"),
        (
            ["--namespace=a", "--workers=0"],
            "Invalid value for '--workers' (env var: 'TENANTPROXY_WORKERS'): 0 is not in",
        ),
        (["--namespace=a", "--check-interval=0"], "Invalid value for '--check-interval'"),
        (["--namespace=a", "--log-level=loud"], "Invalid value for '--log-level'"),
        (["--namespace=a", "--api-server-cidr=x"], "write a CIDR, such as 10.1.0.0/16"),
        (["--namespace=a", "--issuers={issuers}"], "[0].jwksFile is for `local` only"),
        (["--namespace=a", "--no-such-option"], "No such option"),
        (
            ["--namespace=a", "--leader-elect-lease-duration=10"],
            "--leader-elect-lease-duration (10) must be greater than --leader-elect-renew-deadline (10)",
        ),
        (
            ["--namespace=a", "--leader-elect-retry-period=9"],
            "--leader-elect-renew-deadline (10) must be greater than 1.2 times --leader-elect-retry-period (9)",
        ),
        (["--namespace=a", "--leader-elect-lease-duration=301"], "'--leader-elect-lease-duration'"),
    ],
)
def test_bad_options(tmp_path: Path, options: list[str], message: str) -> None:
    """Exit status 2, and a message that says what to write."""
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": []}))
    issuers = tmp_path / "issuers"
    issuer = {"issuer": "https://id.example", "audiences": ["a"], "jwksFile": "jwks.json", "kind": "user"}
    issuers.write_text(json.dumps([issuer]))
    filled = [option.format(issuers=issuers) for option in options]
    result = CliRunner().invoke(main, ["run", "--admin=127.0.0.1:0", *filled])
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
