"""Patterns: the same as a backtracking engine says, but in a time that no value can drive up."""

import itertools
import re
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.patterns import MAX_LENGTH, MAX_POSITIONS, Pattern, PatternError

_one = st.sampled_from(
    ["a", "b", "[ab]", "[^a]", ".", r"\d", r"\w", "[0-9a]", r"\.", "[a-c.]", r"[\]\-x]", "[.-]"]
)
_patterns = st.recursive(
    _one,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("|".join).map("({})".format),
        st.tuples(
            inner.map("(?:{})".format),
            st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "{0,}", "{0,1}"]),
        ).map("".join),
    ),
    max_leaves=6,
)


@given(_patterns, st.text(alphabet="ab1.c]-xé", max_size=8))
def test_it_is_the_same_as_in_pythons_engine(pattern: str, value: str) -> None:
    """Of what both know, they take the same values; classes are of ASCII, and anchors change nothing."""
    expected = re.fullmatch(pattern, value, re.ASCII) is not None
    assert Pattern(pattern).matches(value) == expected
    assert Pattern(f"^{pattern}$").matches(value) == bool(re.fullmatch(f"^{pattern}$", value, re.ASCII))


@given(_patterns)
def test_an_example_is_one_of_the_shortest_values(pattern: str) -> None:
    """It matches, and nothing shorter does; there is none only where no value of these characters matches."""
    compiled = Pattern(pattern)
    shorter = ["".join(value) for length in (1, 2, 3) for value in itertools.product("1ab.-]cx", repeat=length)]
    matching = [value for value in shorter if compiled.matches(value)]
    example = compiled.example("1ab.-]cx")
    if example is None:
        assert not matching
    else:
        assert compiled.matches(example)
        assert len(example) == len(matching[0]) if matching else len(example) > 3


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        ("#?[0-9]{1,10}", "0"),
        ("#[0-9]{4}", "#0000"),
        ("[A-Z]/[0-9]+", "A/0"),
        ("[1-9][0-9]{5}", "100000"),
        ("(#|x)y*", "x"),
        (".*", "0"),
        ("\u00e9+", None),
    ],
)
def test_examples_of_use(pattern: str, example: str | None) -> None:
    """The first characters are preferred."""
    assert Pattern(pattern).example(string.digits + string.ascii_letters + string.punctuation) == example


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("#?[0-9]{1,10}", ["#1001", "1"], ["", "#", "1#", "12345678901", "\uff11"]),
        ("[A-Z]/[0-9]+", ["A/17"], ["A/", "a/17", "A/17/18"]),
        (r"[\w.+-]+@[\w-]+(\.[\w-]+)+", ["a.b+c@d.example"], ["a@b", "@d.example", "a@b@c.d"]),
        ("|ab", ["", "ab"], ["a"]),
    ],
)
def test_patterns_of_use(pattern: str, good: list[str], bad: list[str]) -> None:
    """A pattern is of the whole value."""
    assert [value for value in good + bad if Pattern(pattern).matches(value)] == good


@pytest.mark.parametrize(
    "pattern",
    [
        *("(", ")", "a**", "[", "[]", "[^]", "a{2,1}", "\\", "\\q", "\\b", "(?=a)", "(?i)a", "^a^", "a$b", "{2}"),
        *(
            "a{,3}",
            "[z-a]",
            "a{0}",
            "x*?",
            "x++",
            "[[:alpha:]]",
            "*",
            "a|*",
            "(a",
            r"\1",
            r"\é",
            "a}",
            "",
            "|",
            "()*",
            "(|)",
            "^$",
        ),
        *("a" * (MAX_LENGTH + 1), f"a{{{MAX_POSITIONS + 1}}}", "((a{9}){9}){9}", "((((){255}){255}){255}){255}"),
    ],
)
def test_what_is_no_pattern(pattern: str) -> None:
    """What could be slow, what engines differ in, and what is too large, is refused at once, with the fix."""
    start = time.process_time()
    with pytest.raises(PatternError, match=r"^(is|has|ends|repeats) .*[;,] "):
        Pattern(pattern)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("pattern", ["(a|a)*b", "((a*)*)*b", "(a+)+b", "(.{0,15}){1,16}b", "(a?){99}a{99}"])
def test_no_value_is_slow(pattern: str) -> None:
    """What takes a backtracking engine for ever takes milliseconds; the bound is that of a machine in trouble."""
    start = time.process_time()
    assert not Pattern(pattern).matches("a" * 255 + "c")
    assert time.process_time() - start < 1
