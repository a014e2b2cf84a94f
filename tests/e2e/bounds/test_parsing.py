"""What is not HTTP costs no memory."""

import pytest

from support.attacks.parsing import bytes_after_a_parse_error
from support.bounds import back_to_rest, observe
from support.commands import ServeProcess


@pytest.mark.parametrize(("connections", "mib_per_second"), [(40, 20.0), (4, 80.0)])
async def test_bytes_after_a_parse_error(proxy: ServeProcess, connections: int, mib_per_second: float) -> None:
    """Nothing is parsed, or kept, behind the first error of a connection."""
    seen = await observe(proxy, bytes_after_a_parse_error, connections, mib_per_second)
    seen.assert_bounded()
    await back_to_rest(proxy)
