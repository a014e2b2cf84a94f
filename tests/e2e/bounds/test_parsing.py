"""What is not HTTP costs no memory."""

from collections.abc import Awaitable, Callable

import pytest

from support.bounds.attacks.parsing import (
    bytes_after_a_malformed_chunk,
    bytes_after_a_parse_error,
    much_garbage_in_one_go,
)
from support.bounds.observation import back_to_rest, observe
from support.commands import ServeProcess


@pytest.mark.parametrize(
    ("attack", "arguments"),
    [
        (bytes_after_a_parse_error, (40, 20.0)),
        (bytes_after_a_malformed_chunk, (40, 40.0)),
        (bytes_after_a_malformed_chunk, (4, 80.0)),
        (much_garbage_in_one_go, (40,)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_bytes_after_the_first_error(
    proxy: ServeProcess, attack: Callable[..., Awaitable[None]], arguments: tuple[object, ...]
) -> None:
    """Nothing is parsed, or kept, behind the first error of a connection."""
    seen = await observe(proxy, attack, *arguments)
    seen.assert_bounded()
    await back_to_rest(proxy)
