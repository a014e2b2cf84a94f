"""What a whole run of tests says about the operator's rights, on however many workers it ran: a pytest plugin.

Each process tells which rights its operators used (`note`). The one that started the run adds them up at the end,
and fails it where a right was given in vain; that no right was missing, each process sees for itself.
"""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

import pytest

from support.operator.rights import Right, granted


class Used(TypedDict):
    """What one process has seen, in types that workers can send."""

    whole: bool
    """Whether all tests were to be run, here or on other workers."""
    rights: dict[str, list[tuple[str, str, str]]]
    """Those that were used, by what the operator watched."""


_SEEN: Final = pytest.StashKey[list[Used]]()
_VERDICT: Final = pytest.StashKey[str]()
_KEY: Final = "operator_rights"


def note(config: pytest.Config, rights: Mapping[str, set[Right]], *, whole: bool) -> None:
    """Take note of what the operators of this process used, by what they watched."""
    sent = {watch: [(right.group, right.resource, right.verb) for right in used] for watch, used in rights.items()}
    config.stash.setdefault(_SEEN, []).append({"whole": whole, "rights": sent})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take note of what a worker has seen."""
    node.config.stash.setdefault(_SEEN, []).extend(getattr(node, "workeroutput", {}).get(_KEY, []))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Pass on what was seen, or judge it; a right that was given in vain fails the run."""
    seen = session.config.stash.get(_SEEN, [])
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_KEY] = seen
    elif seen:
        idle = {} if session.testsfailed or not all(used["whole"] for used in seen) else _idle(seen)
        session.config.stash[_VERDICT] = _verdict(seen, idle, failed=bool(session.testsfailed))
        if idle:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how the rights were checked."""
    if verdict := config.stash.get(_VERDICT, None):
        terminalreporter.write_line(f"The operator's rights: {verdict}")


def _idle(seen: list[Used]) -> dict[str, list[str]]:
    """Return the rights that no test made the operator use, by what it watches."""
    watches = {watch for used in seen for watch in used["rights"]}
    idle = {
        watch: granted(watch) - {Right(*right) for used in seen for right in used["rights"].get(watch, [])}
        for watch in sorted(watches)
    }
    return {watch: sorted(map(str, rights)) for watch, rights in idle.items() if rights}


def _verdict(seen: list[Used], idle: dict[str, list[str]], *, failed: bool) -> str:
    if idle:
        return f"no test made the operator use these: {idle}"
    if failed or not all(used["whole"] for used in seen):
        return "not all tests ran, or some failed, so unused ones were not looked for."
    return "none was missing, and none was given in vain."
