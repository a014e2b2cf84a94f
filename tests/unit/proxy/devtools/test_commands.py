"""The options of the mock OMS. Both commands as processes: tests/e2e/processes/test_devtools.py."""

import pytest
from click.testing import CliRunner

from tenantproxy.devtools.mock_oms import mock_oms_command


def test_help_lists_the_faults() -> None:
    """The help names every fault, shows examples, and says what this is not for."""
    text = CliRunner().invoke(mock_oms_command, ["--help"]).output
    for fault in ("--latency", "--error-rate", "--token-lifetime", "--reject-credentials", "--client-auth"):
        assert fault in text
    assert "Never in production" in " ".join(text.split())
    assert "/_control" in text


@pytest.mark.parametrize(
    "arguments", [["--error-rate", "2"], ["--error-status", "200"], ["--basic", "nocolon"], ["--latency", "-1"]]
)
def test_a_bad_option_is_refused(arguments: list[str]) -> None:
    """An option out of bounds is status 2 and a message."""
    result = CliRunner().invoke(mock_oms_command, ["--port", "0", *arguments])
    assert result.exit_code == 2
    assert "Error" in result.output
