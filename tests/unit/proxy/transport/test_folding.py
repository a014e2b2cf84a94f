"""Headers that go on in the next line."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.transport.folding import Unfolder

HEADS = {
    "a fold": (b"S\r\nX: a\r\n b\r\n\r\n", b"S\r\nX: a b\r\n\r\n"),
    "a fold by tabs": (b"S\r\nX: a\r\n\t\tb\r\n\r\n", b"S\r\nX: a b\r\n\r\n"),
    "many folds": (b"S\r\nX: a\r\n b\r\n c\r\nY: d\r\n\r\n", b"S\r\nX: a b c\r\nY: d\r\n\r\n"),
    "a fold of nothing": (b"S\r\nX: a\r\n \r\n\r\n", b"S\r\nX: a \r\n\r\n"),
    "a body that looks like one": (b"S\r\nX: a\r\n\r\n{\r\n 1}\r\n 2", b"S\r\nX: a\r\n\r\n{\r\n 1}\r\n 2"),
    "both": (b"S\r\nX: a\r\n b\r\n\r\n{\r\n 1}", b"S\r\nX: a b\r\n\r\n{\r\n 1}"),
    "no fold": (b"S\r\nX: a\r\n\r\n", b"S\r\nX: a\r\n\r\n"),
    "bare line ends": (b"S\nX: a\n b\r c\r\n\r\n", b"S\nX: a\n b\r c\r\n\r\n"),
}


@pytest.mark.parametrize("name", HEADS)
def test_unfolded(name: str) -> None:
    """A fold is a space; nothing else of a head changes, and nothing behind it."""
    given, unfolded = HEADS[name]
    assert Unfolder()(given) == unfolded


@given(
    head=st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b" ", b"\t", b"X: a"])).map(b"".join),
    cuts=st.sets(st.integers(1, 60)),
)
def test_pieces(head: bytes, cuts: set[int]) -> None:
    """However a head is cut, no fold is left in it, and nothing is kept back of a whole one."""
    head = head.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    unfold = Unfolder()
    places = [0, *sorted(cut for cut in cuts if cut < len(head)), len(head)]
    pieces = [unfold(head[start:end]) for start, end in itertools.pairwise(places)]
    # A space more or less within a fold means nothing (RFC 9112 section 5.2).
    assert b"".join(pieces).split() == Unfolder()(head).split()
    assert b"\r\n " not in b"".join(pieces)
    assert b"".join(pieces).endswith(b"\r\n\r\n")
