"""Functions of one expression have the values that it names, and nothing else."""

import pytest

from tenantproxy.orders.expression import FILE, Expression


def test_values_and_arguments() -> None:
    """Each value has a name of its own, also where two are equal."""
    expression = Expression("each", "state")
    one, other = expression.name("a"), expression.name("a")
    assert one != other
    function = expression.compiled(f"[{one}, {other}, each, state]")
    assert function(1, 2) == ["a", "a", 1, 2]
    assert function.__code__.co_filename == FILE


def test_variables() -> None:
    """Each is another one, and hides neither arguments nor values."""
    expression = Expression("all")
    outer, inner, value = expression.variable(), expression.variable(), expression.name(7)
    assert len({outer, inner, value, "all"}) == 4
    made = expression.compiled(f"[[({inner}, {value}) for {inner} in {outer}] for {outer} in all]")
    assert made([[1, 2], [3]]) == [[(1, 7), (2, 7)], [(3, 7)]]


@pytest.mark.parametrize("text", ["open", "__import__", "eval", "len(each)", "value1"])
def test_nothing_else(text: str) -> None:
    """Python's own functions are not there, nor values of another expression."""
    Expression().name(1)
    expression = Expression("each")
    expression.name(2)
    with pytest.raises(NameError):
        expression.compiled(text)([])
