"""Following manifests on disk."""

from pathlib import Path

from support.certificates import Authority
from support.operator.local import secret, tenant_proxy, write
from support.operator.manifests import changed
from tenantproxy_operator.local.source import REMOVAL_POLLS, ManifestSource, Snapshot
from tenantproxy_operator.settings import Settings


def _names(snapshot: Snapshot) -> list[str]:
    return [key.name for key in snapshot]


def _watcher(*paths: Path) -> ManifestSource:
    return ManifestSource(paths, Settings(), complete=True)


def _settled(watcher: ManifestSource) -> tuple[list[str], list[str]] | None:
    """Poll until a change counts: the first time it is only noticed, and a removal has to last."""
    assert watcher.poll() is None
    change = next((change for _ in range(REMOVAL_POLLS + 1) if (change := watcher.poll())), None)
    return None if change is None else (_names(change[0]), [str(problem) for problem in change[1]])


def test_empty_run_is_a_problem(tmp_path: Path) -> None:
    """A start without any TenantProxy is an error that names the paths."""
    write(tmp_path / "a.yaml", secret("acme"))
    snapshot, problems = _watcher(tmp_path).load()
    assert (snapshot, [str(problem) for problem in problems]) == (
        {},
        [f"{tmp_path}: holds no TenantProxy; write one"],
    )


def test_all_problems_at_the_start(tmp_path: Path) -> None:
    """Missing paths, bad files and contradictions are all reported, each once."""
    write(tmp_path / "a.yaml", tenant_proxy("acme"))
    write(tmp_path / "b.yaml", tenant_proxy("acme"))
    (tmp_path / "c.yaml").write_text("[")
    _, problems = _watcher(tmp_path, tmp_path / "missing").load()
    assert [problem.path.removeprefix(str(tmp_path)) for problem in problems] == [
        "/missing",
        "/c.yaml",
        "/b.yaml",
    ]


def test_notes(tmp_path: Path) -> None:
    """What is in use and may not be meant: also objects of other kinds, where a path names the folder only."""
    pod = write(tmp_path / "pod.yaml", {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}})
    write(tmp_path / "a.yaml", tenant_proxy("acme"))
    watcher = _watcher(tmp_path)
    assert watcher.load()[1] == []
    (note,) = watcher.notes()
    assert note.startswith(f"{pod}:2 (document 1, Pod default/x): kind: is neither TenantProxy nor Secret")
    assert len(_watcher(tmp_path, pod).load()[1]) == 1


def test_a_time_for_debug_lines_that_is_none(tmp_path: Path) -> None:
    """It is told at its place, to `render` as to `local`."""
    annotated = changed(tenant_proxy("acme"), "metadata.annotations", {"proxy.hiiretail.com/debug-until": "soon"})
    path = write(tmp_path / "a.yaml", annotated)
    watcher = _watcher(tmp_path)
    assert watcher.load()[1] == []
    (note,) = watcher.notes()
    field = "metadata.annotations[proxy.hiiretail.com/debug-until]"
    assert f"(document 1, TenantProxy tenants/acme): {field}: is no time such as" in note
    assert "annotations" in path.read_text().splitlines()[int(note.removeprefix(f"{path}:").split()[0]) - 1]


def test_change_counts_when_it_is_over(tmp_path: Path) -> None:
    """A file that changes between polls is let finish; then the change is seen once."""
    manifest = write(tmp_path / "a.yaml", tenant_proxy("acme"))
    watcher = _watcher(tmp_path)
    watcher.load()
    assert watcher.poll() is None
    write(manifest, tenant_proxy("acme"), tenant_proxy("second"))
    assert watcher.poll() is None
    write(manifest, tenant_proxy("acme"), tenant_proxy("third"))
    assert watcher.poll() is None
    change = watcher.poll()
    assert change is not None
    assert _names(change[0]) == ["acme", "third"]
    assert watcher.poll() is None


def test_bad_file_keeps_its_last_good_content(tmp_path: Path) -> None:
    """What turns bad is reported and stays in effect; what changed in other files applies."""
    bad = write(tmp_path / "a.yaml", tenant_proxy("acme"))
    watcher = _watcher(tmp_path)
    watcher.load()
    bad.write_text("kind: [")
    write(tmp_path / "b.yaml", tenant_proxy("globex"))
    change = _settled(watcher)
    assert change is not None
    assert change[0] == ["acme", "globex"]
    assert len(change[1]) == 1
    write(bad, tenant_proxy("renamed"))
    assert _settled(watcher) == (["globex", "renamed"], [])


def test_contradiction_falls_back_to_what_fitted(tmp_path: Path) -> None:
    """A new file that claims a running tenant's name is refused; the running one is not touched."""
    write(tmp_path / "b.yaml", tenant_proxy("acme"))
    watcher = _watcher(tmp_path)
    before, _ = watcher.load()
    write(tmp_path / "a.yaml", tenant_proxy("acme", upstream={"retries": 0}), tenant_proxy("other"))
    assert watcher.poll() is None
    change = watcher.poll()
    assert change is not None
    assert change[0] == before
    assert "is also in" in str(change[1][0])


def test_tenant_may_move_between_files(tmp_path: Path) -> None:
    """A tenant that is in another file afterwards goes on."""
    first = write(tmp_path / "a.yaml", tenant_proxy("acme"), tenant_proxy("globex"))
    watcher = _watcher(tmp_path)
    before, _ = watcher.load()
    write(first, tenant_proxy("acme"))
    write(tmp_path / "b.yaml", tenant_proxy("globex"))
    assert _settled(watcher) == (["acme", "globex"], [])
    assert list(before) == list(watcher.load()[0])


def test_deleted_file_removes_its_tenants(tmp_path: Path) -> None:
    """Also the last one: then nothing is wanted, which is no error while running."""
    manifest = write(tmp_path / "a.yaml", tenant_proxy("acme"))
    watcher = _watcher(manifest)
    watcher.load()
    manifest.unlink()
    assert _settled(watcher) == ([], [])


def test_tls_secret_that_goes_takes_nothing_with_it(tmp_path: Path) -> None:
    """A tenant whose CA's manifest is deleted goes on as it was, reported; new ones without theirs don't start."""
    tls = {"url": "https://127.0.0.1", "tls": {"caSecretRef": {"name": "oms-ca"}}}
    acme = write(tmp_path / "acme.yaml", tenant_proxy("acme", upstream=tls))
    ca = changed(secret("acme", **{"ca.crt": Authority().pem}), "metadata.name", "oms-ca")
    ca_file = write(tmp_path / "ca.yaml", ca)
    watcher = _watcher(tmp_path)
    before, problems = watcher.load()
    assert problems == []
    assert [list(wanted.tls_files()) for wanted in before.values()] == [["ca"]]
    ca_file.unlink()
    names, found = _settled(watcher) or ([], [])
    assert (names, len(found)) == (["acme"], 1)
    write(acme, tenant_proxy("acme", upstream=tls | {"retries": 0}))
    write(tmp_path / "new.yaml", tenant_proxy("new", upstream=tls))
    assert watcher.poll() is None
    snapshot, again = watcher.poll() or ({}, [])
    assert [wanted.resource.spec.upstream.retries for wanted in snapshot.values()] == [1]
    assert len(again) == 2
    write(ca_file, ca)
    assert _settled(watcher) == (["acme", "new"], [])


def test_secret_belongs_to_its_tenant(tmp_path: Path) -> None:
    """A tenant comes with the keys of the Secret that it refers to, from whatever file."""
    write(tmp_path / "a.yaml", tenant_proxy("acme"), tenant_proxy("globex"))
    write(tmp_path / "b.yaml", secret("acme", username="u", password="p"))
    snapshot, _ = _watcher(tmp_path).load()
    acme, globex = (wanted.credential for wanted in snapshot.values())
    assert acme is not None
    assert (acme.data, globex) == ({"username": "u", "password": "p"}, None)
    assert "'p'" not in repr(snapshot)


def test_a_manifest_that_is_away_for_a_moment_is_not_removed(tmp_path: Path) -> None:
    """A file that is emptied or moved away, and comes back, stops nobody."""
    manifest = write(tmp_path / "a.yaml", tenant_proxy("acme"))
    content = manifest.read_text()
    watcher = _watcher(manifest)
    watcher.load()
    for leave in (manifest.unlink, lambda: manifest.write_text("")):
        leave()
        assert [watcher.poll() for _ in range(REMOVAL_POLLS)] == [None] * REMOVAL_POLLS
        manifest.write_text(content)
        change = _settled(watcher)
        assert change is None or change == (["acme"], [])


def test_tenant_id_is_immutable(tmp_path: Path) -> None:
    """Another tenant id, with the old one's credential in store, is refused; the last good manifest goes on."""
    manifest = write(tmp_path / "a.yaml", tenant_proxy("acme"))
    watcher = _watcher(tmp_path)
    before, _ = watcher.load()
    write(manifest, changed(tenant_proxy("acme"), "spec.tenantId", "Another0000000000000"))
    watcher.poll()
    change = watcher.poll()
    assert change is not None
    assert change[0] == before
    assert "spec.tenantId: is immutable" in str(change[1][0])
