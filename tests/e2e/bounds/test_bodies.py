"""The memory and CPU of a request while it arrives, and of its response until it is read."""

from collections.abc import Awaitable, Callable

import pytest

from support.bounds.attacks import bodies
from support.bounds.observation import back_to_rest, observe
from support.commands import ServeProcess
from support.proxy import tokens


@pytest.mark.parametrize(
    ("attack", "connections"),
    [(bodies.one_byte_chunks, 8), (bodies.numbers, 2), (bodies.bodies_without_end, 1500), (bodies.pipelines, 50)],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_with_a_token(proxy: ServeProcess, attack: Callable[..., Awaitable[None]], connections: int) -> None:
    """No request holds the loop for long, and what all of them hold is bounded."""
    seen = await observe(proxy, attack, connections, tokens.machine_token(sub="attacker"))
    seen.assert_bounded()
    await back_to_rest(proxy)


async def test_without_a_token(proxy: ServeProcess) -> None:
    """Heads that never end are bounded over all connections."""
    seen = await observe(proxy, bodies.heads_without_end, 2000)
    seen.assert_bounded()
    await back_to_rest(proxy)
