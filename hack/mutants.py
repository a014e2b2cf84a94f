"""Mutation tests of the guards: change their code a bit, and see whether a unit test fails. Run by `make mutants`.

A guard is a module that decides what gets in or out. Each mutant that survives its tests must be listed, with the
reason why it may, in tests/mutants.toml: one that is not listed fails the run, so does an entry that is killed.

mutmut changes what is inside functions. Tables and constants of modules, and decorated functions, it leaves
alone. It turns a mutant on after the import of the tests and runs those of them that came through its function.
Two checks make up for what that misses: unchanged code must pass the tests that mutmut chose from, by name,
and a mutant that survives must survive all tests in a process in which it is on from the start.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from hack import ROOT

SURVIVORS: Final = ROOT / "tests" / "mutants.toml"
_SOURCES: Final = ("proxy/tenantproxy", "operator/tenantproxy_operator")
_MUTMUT: Final = str(Path(sys.executable).with_name("mutmut"))
_MAX_SECONDS: Final = 900.0
"""Of one guard; it takes a minute or two on two cores."""
_PASSED, _FAILED = 0, 1
"""What pytest exits with where all tests pass, and where one fails."""
_PROJECT: Final = """\
[tool.pytest.ini_options]
addopts = ["--strict-config", "--strict-markers", "--import-mode=importlib", "--hypothesis-profile=mutants"]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
filterwarnings = ["error"]
pythonpath = ["tests"]

[tool.mutmut]
source_paths = ["tenantproxy", "tenantproxy_operator"]
only_mutate = {modules}
pytest_add_cli_args_test_selection = {tests}
use_git_change_detection = false
timeout_multiplier = {slowness}
"""
_SLOWNESS: Final = 6
"""A mutant hangs, which counts as killed, once its tests take so many times as long as without it, plus 1 s."""


class Guard(NamedTuple):
    """Modules that are mutated, by their paths below the packages' folders, and the tests that must notice."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


GUARDS: Final = {
    "routes": Guard(
        ("tenantproxy/api/routes.py", "tenantproxy/operations.py"),
        ("tests/unit/proxy/api/test_routes.py", "tests/unit/proxy/test_operations.py"),
    ),
    "claims": Guard(("tenantproxy/auth/claims.py",), ("tests/unit/proxy/auth/test_claims.py",)),
    "jwks": Guard(("tenantproxy/auth/jwks.py",), ("tests/unit/proxy/auth/test_jwks.py",)),
    "egress": Guard(("tenantproxy/transport/egress.py",), ("tests/unit/proxy/transport/test_egress.py",)),
    "no_proxy": Guard(("tenantproxy/transport/no_proxy.py",), ("tests/unit/proxy/transport/test_no_proxy.py",)),
    "token_cache": Guard(
        ("tenantproxy/credentials/oauth2/token_cache.py",),
        ("tests/unit/proxy/credentials/oauth2/test_token_cache.py",),
    ),
    "contract": Guard(("tenantproxy/orders/contract.py",), ("tests/unit/proxy/orders/test_contract.py",)),
    "evaluation": Guard(
        ("tenantproxy_operator/controller/evaluation.py",),
        ("tests/unit/operator/controller/test_evaluation.py",),
    ),
}


class Mutant(NamedTuple):
    """A change to the code: the function, its lines before and after, without indentation."""

    function: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.function}\n  - {self.before}\n  + {self.after}"


class Outcome(NamedTuple):
    """What became of a guard's mutants."""

    total: int
    survivors: tuple[Mutant, ...]

    def line(self, name: str) -> str:
        """Return the guard's line in the report."""
        killed = self.total - len(self.survivors)
        return f"{name:<12}{self.total:>8}{killed:>8}{len(self.survivors):>9}{killed / self.total:>8.1%}"


class MutantsError(Exception):
    """The guard could not be tested; the message says why."""


def main() -> int:
    """Test the guards and report; return 1 where a survivor is not listed, or a listed one no longer survives."""
    parser = argparse.ArgumentParser(prog="make mutants", description="Mutate the guards and run their tests.")
    parser.add_argument("guards", nargs="*", metavar="GUARD", help=f"some of: {', '.join(GUARDS)}; else all")
    names = parser.parse_args().guards or list(GUARDS)
    if unknown := sorted(set(names) - GUARDS.keys()):
        parser.error(f"no guard is called {unknown[0]}; there are {', '.join(GUARDS)}")
    accepted = read_survivors(SURVIVORS.read_text())
    print(f"{'guard':<12}{'mutants':>8}{'killed':>8}{'survived':>9}{'share':>8}", flush=True)
    problems: list[str] = []
    for name in names:
        begin = time.monotonic()
        try:
            outcome = _run(GUARDS[name])
        except MutantsError as error:
            problems.append(f"{name}: {error}")
            continue
        print(f"{outcome.line(name)}{time.monotonic() - begin:>6.0f} s", flush=True)
        problems += compare(name, outcome.survivors, accepted.get(name, {}))
    for problem in problems:
        print(f"\n{problem}")
    return 1 if problems else 0


def read_survivors(text: str) -> dict[str, dict[Mutant, str]]:
    """Return the listed survivors of each guard, with the reason of each."""
    return {
        name: {
            Mutant(entry["function"], before, after): entry["reason"]
            for entry in entries
            for before, after in entry["mutants"]
        }
        for name, entries in tomllib.loads(text).items()
    }


def compare(name: str, survivors: Sequence[Mutant], accepted: dict[Mutant, str]) -> list[str]:
    """Return what differs between the survivors and those that are listed."""
    new = [
        f"{name}: survived, and {SURVIVORS.name} does not list it: {each}"
        for each in survivors
        if each not in accepted
    ]
    gone = [
        f"{name}: {SURVIVORS.name} lists what did not survive: {each}"
        for each in accepted
        if each not in survivors
    ]
    return new + gone


def parse_difference(text: str) -> tuple[str, str]:
    """Return the lines before and after in what `mutmut show` prints, each side's joined by a space."""
    lines = [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    before, after = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return before, after


def _run(guard: Guard) -> Outcome:
    """Run mutmut on a copy of the project in which both packages are at the top: it knows no other layout."""
    with tempfile.TemporaryDirectory(prefix="tenantproxy-mutants-") as folder:
        project = Path(folder)
        for source in _SOURCES:
            shutil.copytree(
                ROOT / source, project / Path(source).name, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copytree(ROOT / "tests", project / "tests", ignore=shutil.ignore_patterns("__pycache__", "golden"))
        # A list of plain strings is the same in JSON and in TOML.
        modules, tests = json.dumps(guard.modules), json.dumps(guard.tests)
        (project / "pyproject.toml").write_text(_PROJECT.format(modules=modules, tests=tests, slowness=_SLOWNESS))
        output = _mutmut(project, "run", "--max-children", str(len(os.sched_getaffinity(0))))
        states = dict(_states(_mutmut(project, "results", "--all", "true")))
        if not states:
            raise MutantsError(f"mutmut made no mutant of {', '.join(guard.modules)}:\n{output[-2000:]}")
        if exit_code := _pytest(project, *_chosen_from(project)):
            raise MutantsError(f"unchanged code fails the tests that mutmut chose (exit code {exit_code})")
        survivors = [
            name
            for name, state in states.items()
            if state not in ("killed", "timeout") and _pytest(project, *guard.tests, mutant=name) == _PASSED
        ]
        return Outcome(len(states), tuple(_mutant(project, name) for name in survivors))


def _states(text: str) -> Iterator[tuple[str, str]]:
    """Yield each mutant's name and what became of it, from what `mutmut results` prints."""
    for line in text.splitlines():
        name, separator, state = line.strip().rpartition(": ")
        if separator and "__mutmut_" in name:
            yield name, state


def _mutant(project: Path, name: str) -> Mutant:
    function = name.rpartition(".")[2].partition("__mutmut_")[0].removeprefix("x").removeprefix("_")
    return Mutant(function.strip("ǁ").replace("ǁ", "."), *parse_difference(_mutmut(project, "show", name)))


def _chosen_from(project: Path) -> list[str]:
    """Return the names of all tests that mutmut ran for some mutant."""
    found = json.loads((project / "mutants" / "mutmut-stats.json").read_text())
    return sorted({test for tests in found["tests_by_mangled_function_name"].values() for test in tests})


def _pytest(project: Path, *tests: str, mutant: str = "") -> int:
    """Run tests in a process of their own, in which a mutant is on from the start; return pytest's exit code."""
    command = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--rootdir=.", *tests)
    done = _run_program(project / "mutants", *command, MUTANT_UNDER_TEST=mutant)
    if done.returncode not in (_PASSED, _FAILED):
        raise MutantsError(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.returncode


def _mutmut(project: Path, *arguments: str) -> str:
    done = _run_program(project, _MUTMUT, *arguments)
    if done.returncode != 0:
        raise MutantsError(f"`mutmut {arguments[0]}` failed:\n{done.stdout[-2000:]}")
    return done.stdout


def _run_program(folder: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    # CI has hypothesis draw the same examples every time. The mutated code must be the only one on the path.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**inherited, "CI": "true", **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise MutantsError(f"`{command[0]}` took more than {_MAX_SECONDS:.0f} s") from None


if __name__ == "__main__":
    sys.exit(main())
