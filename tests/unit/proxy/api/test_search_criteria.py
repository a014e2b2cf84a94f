"""A search's body: what passes, as what, and that the answer is the same as that of a parser in Python."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproxy.api.search_criteria import parse
from tenantproxy.orders import raw_json
from tenantproxy.problems import Problem


def code(body: bytes) -> str:
    """Return the code of the problem, empty where there is none."""
    try:
        parse(body)
    except Problem as problem:
        return problem.code
    return ""


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        (b"{}", b"{}"),
        (b' { "a" : 1 , "b":\t[ 2 ]\r\n}\n', b'{"a":1,"b":[ 2 ]}'),
        (b'{"a":1.0,"b":1e400,"c":-0,"d":' + b"9" * 5000 + b"}", None),
        ('{"a":"é\u2028\U0001f600"}'.encode(), None),
        (b'{"a":"\\ud83d\\ude00\\u0000"}', None),
        (b'{"customerId":1,"customerId":"C"}', b'{"customerId":"C"}'),
        (b'{"customer\\u0049d":1,"customerId":"C"}', b'{"customerId":"C"}'),
        (b'{"a":{"b":1,"b":2}}', None),
        (b'{"customerId":"\\u0043"}', None),
    ],
)
def test_values_stay_as_they_are_written(body: bytes, encoded: bytes | None) -> None:
    """Of a field that comes twice the last counts; numbers and strings stay as they are."""
    assert msgspec.json.encode(parse(body)) == (body if encoded is None else encoded)


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b"{",
            b"{} {}",
            b"\xef\xbb\xbf{}",
            b"[1,2",
            b"'a'",
            b'{"a":1,}',
            b"{a:1}",
            b'{"a":01}',
            b'{"a":+1}',
        ),
        *(
            b'{"a":NaN}',
            b'{"a":[Infinity]}',
            b'{"a":1.}',
            b'{"a":.5}',
            b'{"a":"\x01"}',
            b'{"a":"\\x"}',
            b'{"a":tru}',
        ),
        *(b'{"a":"\xff"}', b'{"a":["\xed\xa0\x80"]}', b'{"\xc0\xaf":1}', b'{"a":"\xf5"}'),
        *(
            b'{"a":"\\ud800"}',
            b'{"a":["\\udc00 and more"]}',
            b'{"\\ud800 and more":1}',
            b'{"a":"\\ud800\\ud800\\udc00"}',
        ),
        *(b"[" * 30_000 + b"]" * 30_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    ],
    ids=lambda body: body[:20],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    """Also where it stands deep inside, and half characters, and what is nested too deeply."""
    assert code(body) == "malformed-json"


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"a"'])
def test_the_wrong_type_is_refused(body: bytes) -> None:
    """It is an object."""
    assert code(body) == "invalid-request"


_documents = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
)


@given(_documents, st.booleans(), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=2)), max_size=2))
def test_it_takes_what_a_parser_in_python_takes(
    document: object,
    ascii_only: bool,  # noqa: FBT001 - hypothesis
    changes: list[tuple[int, bytes]],
) -> None:
    """Whatever the bytes, both accept the same, and mean the same."""
    body = json.dumps(document, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    for place, change in changes:
        body = body[:place] + change + body[place + 1 :]
    try:
        parsed = raw_json.parse(body)
        msgspec.json.encode(parsed)
    except (ValueError, RecursionError):
        assert code(body) == "malformed-json"
        return
    if not isinstance(parsed, dict):
        assert code(body) == "invalid-request"
    else:
        assert raw_json.parse(msgspec.json.encode(parse(body))) == parsed
