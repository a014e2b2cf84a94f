"""The status' model."""

import json
from typing import Any

import pytest

from tenantproxy_operator.api.status import readable

GOOD = {
    "conditions": [{"type": "Ready", "status": "True", "reason": "Ready", "message": "m", "later": 1}],
    "credentials": {"type": "basic"},
    "appliedDigest": "a-b-c",
    "later": {"a": 1},
}


@pytest.mark.parametrize("status", [GOOD, {}, {"later": 1}])
def test_readable(status: Any) -> None:
    """What one of ours can be is as it was, and so is what others added."""
    assert readable(json.dumps(status).encode()) == status


@pytest.mark.parametrize(
    "status",
    [
        "text",
        [1],
        None,
        {"conditions": None},
        {"conditions": [1]},
        {"conditions": [{"type": "Ready"}]},
        {"appliedDigest": 1},
        {"credentials": [1]},
    ],
)
def test_unreadable(status: Any) -> None:
    """What can't be one of ours counts as none, so that it is written anew."""
    assert readable(json.dumps(status).encode()) == {}
