"""kopf keeps no TenantProxy in memory, and still handles its events."""

from kopf._core.reactor.inventory import ResourceMemories

from tenantproxy_operator.controller.kopf_memories import NoMemories


async def test_nothing_is_remembered() -> None:
    """Each event gets a fresh memory, which is gone after it; kopf's own keeps one for each object."""
    body = {"metadata": {"uid": "1"}}
    ours, kopfs = NoMemories(), ResourceMemories()
    for memories, kept in ((ours, 0), (kopfs, 1)):
        first = await memories.recall(body, noticed_by_listing=True)
        assert first.noticed_by_listing
        again = await memories.recall(body)
        assert (again is first) == bool(kept)
        assert len(list(memories.iter_all_memories())) == kept
        await memories.forget(body)
