"""What is used of kopf below its public API is still there: the first thing to look at when kopf is upgraded.

Nothing of ours is imported here, so that it is told by name what is missing, instead of by an import that fails.
"""

import importlib
import importlib.metadata
import inspect
from typing import Any, Final

import kopf
import pytest

PRIVATE: Final[dict[str, tuple[str, ...]]] = {
    # kopf_adapter: `NoMemories` overrides `recall`, which must still know this parameter
    "kopf._core.reactor.inventory.ResourceMemory": (),
    "kopf._core.reactor.inventory.ResourceMemories": (),
    "kopf._core.reactor.inventory.ResourceMemories.recall": ("raw_body", "noticed_by_listing", "ephemeral"),
    # not documented: where `NoMemories` is handed in, and how the process is ended
    "kopf.operator": ("memories", "stop_flag", "ready_flag", "clusterwide", "namespaces"),
    # not in kopf's reference: a session of our own instead of its credentials
    "kopf.AiohttpSession": ("server", "aiohttp_session"),
    # test_kopf_adapter: which handlers there are
    "kopf._core.intents.registries.OperatorRegistry": (),
}
"""Dotted names, with the parameters that we pass or override."""

SETTINGS: Final = (
    "networking.error_backoffs",
    "persistence.diffbase_storage",
    "persistence.finalizer",
    "persistence.progress_storage",
    "peering.standalone",
    "posting.enabled",
    "posting.level",
    "queueing.exit_timeout",
    "queueing.idle_timeout",
    "scanning.disabled",
    "watching.chunk_size",
    "watching.client_timeout",
    "watching.inactivity_timeout",
    "watching.server_timeout",
)
"""To set one that does not exist would raise nothing."""

HANDLERS: Final = ("_activities", "_changing", "_indexing", "_spawning", "_watching", "_webhooks")

RELEASE: Final = importlib.metadata.version("kopf")


def found(name: str) -> Any:
    """Return what a dotted name means; fail with the first part of it that is missing."""
    parts = name.split(".")
    thing: Any = importlib.import_module(parts[0])
    for number, part in enumerate(parts[1:], start=2):
        path = ".".join(parts[:number])
        try:
            thing = getattr(thing, part) if hasattr(thing, part) else importlib.import_module(path)
        except ModuleNotFoundError:
            pytest.fail(
                f"kopf {RELEASE} has no {path} any more; see controller/kopf_adapter.py, which needs {name}"
            )
    return thing


@pytest.mark.parametrize("name", PRIVATE)
def test_private_names(name: str) -> None:
    """Each name is there, and takes the parameters that we use."""
    thing = found(name)
    missing = set(PRIVATE[name]) - set(inspect.signature(thing).parameters) if PRIVATE[name] else set()
    assert not missing, (
        f"kopf {RELEASE}: {name} takes no {sorted(missing)} any more; see controller/kopf_adapter.py"
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str) -> None:
    """Each setting that we change is one of kopf's."""
    section, field = name.split(".")
    settings = getattr(kopf.OperatorSettings(), section, None)
    assert hasattr(settings, field), (
        f"kopf {RELEASE} has no setting {name} any more; see controller/kopf_adapter.py"
    )


@pytest.mark.parametrize("name", HANDLERS)
def test_kinds_of_handlers(name: str) -> None:
    """Each kind of handlers that test_kopf_adapter looks at is there."""
    assert hasattr(kopf.OperatorRegistry(), name), f"kopf {RELEASE}: the registry has no {name} any more"
