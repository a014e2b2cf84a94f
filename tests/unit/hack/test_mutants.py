"""What `make mutants` runs, and what it compares."""

from pathlib import Path
from typing import Final

import pytest

from hack.mutants import GUARDS, SURVIVORS, Mutant, compare, parse_difference, read_survivors

ROOT: Final = Path(__file__).parents[3]


@pytest.mark.parametrize("guard", GUARDS)
def test_guards_exist(guard: str) -> None:
    """`make mutants` finds the module that it is to change, and its tests."""
    package = {"tenantproxy": "proxy", "tenantproxy_operator": "operator"}
    modules, tests = GUARDS[guard]
    assert all((ROOT / package[module.partition("/")[0]] / module).is_file() for module in modules)
    assert all((ROOT / path).exists() for path in tests)


def test_listed_survivors_have_reasons() -> None:
    """Every mutant that may survive is one of a guard's, and says why."""
    survivors = read_survivors(SURVIVORS.read_text())
    assert survivors.keys() <= GUARDS.keys()
    assert all(reason for mutants in survivors.values() for reason in mutants.values())


def test_survivors_are_compared_with_the_list() -> None:
    """One that is not listed is a problem, and so is one that is listed and does not survive."""
    listed, other = Mutant("f", "a < b", "a <= b"), Mutant("f", "a", "b")
    assert compare("g", [listed], {listed: "equal"}) == []
    assert [problem.count("does not list") for problem in compare("g", [listed, other], {listed: "equal"})] == [1]
    assert [problem.count("did not survive") for problem in compare("g", [], {listed: "equal"})] == [1]


def test_difference_of_a_mutant() -> None:
    """Only the changed lines count, without indentation."""
    shown = "# m: survived\n--- a.py\n+++ a.py\n@@ -1,3 +1,3 @@\n def f():\n-    return 1\n+    return 2\n"
    assert parse_difference(shown) == ("return 1", "return 2")
