"""The query of a PUT: what it may be, and that nothing else is taken for something."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.api.put_options import PutOptions, parse
from tenantproxy.problems import Problem


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", PutOptions()),
        ("&", PutOptions()),
        ("validate=true", PutOptions(validate=True)),
        ("validate=false", PutOptions()),
        ("valid%61te=true", PutOptions(validate=True)),
        ("dryRun=true", PutOptions(dry_run=True)),
        ("dryRun=true&validate=false", PutOptions(dry_run=True)),
        ("validate=true&dryRun=true", PutOptions(validate=True, dry_run=True)),
    ],
)
def test_what_is_asked_for(query: str, options: PutOptions) -> None:
    """Both flags are no by default."""
    assert parse(query) == options._replace(errors=[])


def test_what_is_understood_of_a_query_that_is_refused() -> None:
    """For the audit log, which says what somebody was about to do."""
    assert parse("dryRun=true&validate=2")[:2] == (False, True)


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("validat=true", ["/query/validat"]),
        ("Validate=true", ["/query/Validate"]),
        ("validate", ["/query/validate"]),
        ("validate=", ["/query/validate"]),
        ("validate=True", ["/query/validate"]),
        ("validate=1&dryrun=true", ["/query/validate", "/query/dryrun"]),
        ("validate=true&validate=true", ["/query/validate"]),
        ("validate=true&x=1&x=2", ["/query/x"]),
        ("a/b~c=1", ["/query/a~1b~0c"]),
        ("=true", ["/query/"]),
        ("validate=true;dryRun=true", ["/query/validate"]),
    ],
)
def test_what_is_refused(query: str, pointers: list[str]) -> None:
    """Each parameter that is not right is pointed at, once."""
    with pytest.raises(Problem) as caught:
        parse(query).check()
    assert (caught.value.code, caught.value.status) == ("invalid-request", 400)
    assert [error.field for error in caught.value.errors] == pointers


@given(st.text(max_size=40))
def test_nothing_else_is_taken_for_a_yes(query: str) -> None:
    """Whatever a query is, it is understood in full or refused."""
    options = parse(query)
    with contextlib.suppress(Problem):
        options.check()
        assert options == PutOptions(errors=[]), "an empty query, but for the signs between parameters"
