"""What is wrong for a while is told when it begins, when its cause changes, and when it is over."""

from typing import Any

from support.proxy.log_lines import log_lines
from tenantproxy.troubles import Trouble


class World:
    """A trouble, what is told of it, and the time."""

    def __init__(self) -> None:
        self.time = 100.0
        self.trouble = Trouble("circuit-open", "bad", "good", clock=lambda: self.time, operation="getOrder")


def of(state: str, message: str = "bad", **more: Any) -> dict[str, Any]:
    return {"message": message, "code": "circuit-open", "state": state, "operation": "getOrder", **more}


def test_told_once() -> None:
    """However often it is seen."""
    with log_lines() as lines:
        world = World()
        world.trouble.ends()
        for _ in range(3):
            world.trouble.begins("connect")
        world.trouble.begins("status-500", upstreamStatus=500)
        world.trouble.begins("status-500", upstreamStatus=None)
        world.time += 1.26
        world.trouble.ends()
        world.trouble.ends()
        world.trouble.begins("status-500")
        assert lines.of("tenantproxy.state") == [
            of("begun", reason="connect"),
            of("changed", reason="status-500", upstreamStatus=500),
            of("ended", "good", seconds=1.3),
            of("begun", reason="status-500"),
        ]


def test_forgotten() -> None:
    """What it was about is gone: that is no end, and a new one begins anew."""
    with log_lines() as lines:
        world = World()
        world.trouble.begins()
        world.trouble.forget()
        world.trouble.ends()
        world.trouble.begins()
        assert lines.of("tenantproxy.state") == [of("begun"), of("begun")]
