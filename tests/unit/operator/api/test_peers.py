"""Peers of a NetworkPolicy, as an option gives them: as the API server has them, and nothing that it refuses."""

import json
import re
from typing import Any

import pytest

from tenantproxy_operator.api.peers import parse_peers

MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}


@pytest.mark.parametrize(
    "peers",
    [
        [MONITORING],
        [MONITORING | {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}}],
        [{"podSelector": {}}, {"namespaceSelector": {}}],
        [{"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.2.0/24", "10.1.0.9/32"]}}],
        [{"ipBlock": {"cidr": "fd00::/8"}}],
        [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}}],
        [{"podSelector": {"matchExpressions": [{"key": "example.com/app", "operator": "Exists"}]}}],
    ],
)
def test_good(peers: list[dict[str, Any]]) -> None:
    """They come out as they were given."""
    assert list(parse_peers(json.dumps(peers))) == peers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("monitoring", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "must be a list"),
        ("[]", "has 0 entries; at least 1 is required"),
        ("[{}]", "[0]: needs `namespaceSelector`, `podSelector` or both, or `ipBlock` alone"),
        ('[{"podSelector": null}]', "[0]: needs `namespaceSelector`"),
        ('[{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]', "or `ipBlock` alone"),
        ('[{"namespace": "monitoring"}]', "[0].namespace: is unknown"),
        ('[{"ipBlock": {"cidr": "10.1.2.3/16"}}]', "[0].ipBlock.cidr: is not a network; write a CIDR"),
        ('[{"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.2.0.0/24"]}}]', "not strictly inside `cidr`"),
        ('[{"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.0.0/16"]}}]', "not strictly inside `cidr`"),
        ('[{"ipBlock": {"cidr": "10.1.0.0/16", "except": ["fd00::/64"]}}]', "not strictly inside `cidr`"),
        ('[{"podSelector": {"matchLabels": {"-": "x"}}}]', "is not the key of a label"),
        ('[{"podSelector": {"matchLabels": {"a": "x y"}}}]', "is not a label's value"),
        ('[{"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}]', "needs `values` with In"),
        ('[{"podSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}]', "operator: must be 'In'"),
        (
            '[{"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}}]',
            "must have none with Exists",
        ),
    ],
)
def test_bad(text: str, said: str) -> None:
    """What the API server would refuse, of every tenant's NetworkPolicy, is refused at the start."""
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_peers(text)
