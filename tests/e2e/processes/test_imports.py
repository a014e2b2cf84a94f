"""What commands import: a pod's memory, and the time to start."""

import subprocess
import sys

_FOR_A_PERSON = ("rich", "tenantproxy_operator.fleet", "tenantproxy_operator.local.supervisor")


def _loaded(modules: str) -> set[str]:
    """Return what is loaded after an import."""
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_nothing_for_terminals_in_the_operator() -> None:
    """Neither the commands' options nor what `run` imports has any of it."""
    loaded = _loaded("tenantproxy_operator.cli.main, tenantproxy_operator.controller.manager")
    assert "tenantproxy_operator.controller.reconciler" in loaded
    assert loaded & set(_FOR_A_PERSON) == set()


def test_rich_only_where_a_table_is_renewed() -> None:
    """A snapshot, JSON, and the tables' text do without."""
    loaded = _loaded("tenantproxy_operator.local.overview, tenantproxy_operator.fleet.document")
    assert "tenantproxy_operator.fleet.table" in loaded
    assert "rich" not in loaded
