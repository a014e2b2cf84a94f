"""What survives between runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.waiting import PATIENCE
from tenantproxy.credentials.stores.files import read_keys, write_keys
from tenantproxy_operator.local.state import StateInUseError, TenantState, locked, must_seed


@pytest.mark.parametrize(
    ("recorded", "stored", "expected"),
    [
        (None, False, True),
        ("m", False, True),
        ("m", True, False),
        ("other", True, True),
        (None, True, True),
    ],
)
def test_must_seed(recorded: str | None, stored: bool, expected: bool) -> None:  # noqa: FBT001 - a table
    """A manifest seeds an empty store, and wins over a full one only when it changed."""
    assert must_seed("m", recorded=recorded, stored=stored) is expected


def test_seed_replaces_the_whole_credential(tmp_path: Path) -> None:
    """No key of the old kind stays beside those of the new one."""
    state = TenantState(tmp_path, "tenants", "acme")
    assert state.seed({"username": "u", "password": "p"})
    assert not state.seed({"username": "u", "password": "p"})
    write_keys(state.credentials, {"username": "u", "password": "by-the-tenant"})
    assert not state.seed({"username": "u", "password": "p"})
    assert state.seed({"clientId": "c", "clientSecret": "s", "authUrl": "https://i"})
    assert sorted(read_keys(state.credentials)) == ["authUrl", "clientId", "clientSecret"]


def test_secret_without_credential_is_no_seed(tmp_path: Path) -> None:
    """A placeholder Secret leaves the store to the tenant."""
    state = TenantState(tmp_path, "tenants", "acme")
    assert not state.seed({"note": "filled by the tenant"})
    assert not state.has_credential()
    assert list(tmp_path.iterdir()) == []


def test_tls_files_are_written_where_they_differ(tmp_path: Path) -> None:
    """A proxy sees a change only where there is one, and what is not given stays until no proxy runs."""
    state = TenantState(tmp_path, "tenants", "acme")
    ca, client = {"ca.crt": "c"}, {"tls.crt": "c", "tls.key": "k"}
    assert not state.write_tls({})
    assert state.write_tls({"ca": ca, "client": client})
    before = (state.tls / "ca" / "ca.crt").stat().st_ino
    assert not state.write_tls({"ca": ca})
    assert state.write_tls({"ca": ca, "client": client | {"tls.key": "other"}})
    assert (state.tls / "ca" / "ca.crt").stat().st_ino == before
    assert (state.tls / "client" / "tls.key").read_text() == "other"
    state.drop_tls(besides=["ca"])
    assert [path.name for path in state.tls.iterdir()] == ["ca"]


def test_nothing_is_readable_by_others(tmp_path: Path) -> None:
    """Directories have mode 0700, files 0600."""
    state = TenantState(tmp_path, "tenants", "acme")
    state.write_config(b"{}")
    state.seed({"username": "u", "password": "p"})
    state.write_tls({"client": {"tls.crt": "c", "tls.key": "k"}})
    paths = [path for path in tmp_path.rglob("*") if not path.is_symlink()]
    assert len(paths) > 9
    assert [path for path in paths if path.stat().st_mode & 0o077] == []


def test_lock(tmp_path: Path) -> None:
    """A state directory has one user at a time, and is free again after it."""
    directory = tmp_path / "a" / "state"
    with locked(directory), pytest.raises(StateInUseError, match="another `local` uses"), locked(directory):
        pass
    with locked(directory):
        pass


def test_lock_waits_for_the_proxies_of_a_killed_local(tmp_path: Path) -> None:
    """A process that inherited the descriptor keeps the directory until it ends, not longer."""
    with locked(tmp_path) as descriptor:
        drains = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.5)"], pass_fds=[descriptor])
    with locked(tmp_path):
        assert drains.wait(PATIENCE) == 0
