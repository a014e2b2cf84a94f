"""Where the API server's programs are looked for."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")


def run(cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the module with no program on PATH, so that nothing can be built."""
    clean = {name: value for name, value in os.environ.items() if name not in {"PATH", "KUBEBUILDER_ASSETS"}}
    return subprocess.run(
        (sys.executable, "-m", "hack.programs.kubernetes"),
        cwd=ROOT,
        env=clean | {"PATH": "", "XDG_CACHE_HOME": str(cache), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def put(directory: Path, *programs: str) -> Path:
    """Make executable files."""
    directory.mkdir(parents=True)
    for program in programs:
        (directory / program).touch(mode=0o755)
    return directory


def cached(cache: Path, *programs: str) -> Path:
    """Put programs where the module keeps what it has built, which it shows by making the directory."""
    assert run(cache).returncode == 1
    (directory,) = (cache / "tenantproxy").glob("kubernetes-v*-etcd-v*")
    for program in programs:
        (directory / program).touch(mode=0o755)
    return directory


def test_assets_are_used_as_they_are(tmp_path: Path) -> None:
    """A directory that has all is printed, and nothing is made."""
    assets = put(tmp_path / "assets", *PROGRAMS)
    done = run(tmp_path / "cache", KUBEBUILDER_ASSETS=str(assets))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{assets}\n", "")
    assert not (tmp_path / "cache").exists()


def test_the_cache_is_used_as_it_is(tmp_path: Path) -> None:
    """What was built once is printed from then on."""
    directory = cached(tmp_path, *PROGRAMS)
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{directory}\n", "")


def test_what_assets_lack_is_linked(tmp_path: Path) -> None:
    """Envtest has no kube-controller-manager: one directory has links to all, the assets' before the cache's."""
    cache = cached(tmp_path / "cache", "kubectl", "kube-controller-manager")
    assets = put(tmp_path / "assets", "etcd", "kube-apiserver", "kubectl")
    first, second = (run(tmp_path / "cache", KUBEBUILDER_ASSETS=str(assets)) for _ in range(2))
    assert first.stdout == second.stdout
    links = Path(first.stdout.strip())
    assert {program: (links / program).readlink().parent for program in PROGRAMS} == {
        "etcd": assets,
        "kube-apiserver": assets,
        "kube-controller-manager": cache,
        "kubectl": assets,
    }


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    """Where nothing can be built, the last line says what is needed."""
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    first, *_, last = done.stderr.splitlines()
    assert first.startswith(f"tenantproxy: building {', '.join(PROGRAMS)} from Go modules, once: about ")
    assert "A build needs a Go module proxy" in last
    assert f"set KUBEBUILDER_ASSETS to a directory with {', '.join(PROGRAMS)}" in last
