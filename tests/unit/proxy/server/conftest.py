"""What tests of the server share."""

import pytest

from support.proxy.loops import LOOPS, Run, runner


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a case in each kind of loop."""
    return runner(request.param)
