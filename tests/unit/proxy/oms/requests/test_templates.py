"""Templates: a value stays in its place, in whatever that place is written."""

import contextlib
import json
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tenantproxy.oms.requests.bodies import FormBody, JsonBody
from tenantproxy.oms.requests.quotes import TemplateError
from tenantproxy.oms.requests.templates import (
    Template,
    UnfitError,
    as_it_is,
    compile_template,
    path_encoded,
    url_encoded,
)

KNOWN = frozenset({"customerOrderId", "criteria.email", "criteria.name"})
hostile = (
    st.text(alphabet=st.sampled_from("aZ0 '\"\\/{}[]&=+%?#;:.,$|<>\u00e9\u2028\U0001f600"), max_size=12)
    | st.text()
)
"""Values without the control characters that are refused before."""


def text_template(text: str) -> Template:
    return compile_template(text, KNOWN, as_it_is, checked=frozenset({"criteria.name"}))


# ---- places


@given(hostile, hostile)
def test_in_a_query(value: str, other: str) -> None:
    """What a server reads back is each name with its value, and nothing else."""
    names = {
        "a[0][value]": "{criteria.name}",
        "$filter": "x eq '{criteria.email|doubled}' or y",
        "fixed &=%": "1&2=3 +",
    }
    pairs = FormBody({name: compile_template(text, KNOWN, url_encoded) for name, text in names.items()})
    target = f"/p?{pairs.text({'criteria.name': value, 'criteria.email': other})}"
    parts = urlsplit(f"https://oms.example{target}")
    quoted = other.replace("'", "''")
    assert (parts.netloc, parts.path, parts.fragment) == ("oms.example", "/p", "")
    assert target.isascii()
    assert parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) == [
        ("a[0][value]", value),
        ("$filter", f"x eq '{quoted}' or y"),
        ("fixed &=%", "1&2=3 +"),
    ]


@given(hostile, hostile)
def test_in_json(value: str, other: str) -> None:
    """A parser reads the value where the placeholder was, and everything else as it was written."""
    document = {
        "query": 'query($id: ID) { order(id: $id, n: "{criteria.email|backslash}") {lines{ id }} }',
        "variables": {"id": "{criteria.name}", "first": 10, "more": [None, True, 1.5, "{{criteria.name}}", ""]},
        "{{criteria.name}}": {},
    }
    body = JsonBody(document, KNOWN).fill({"criteria.name": value, "criteria.email": other})
    quoted = other.replace("\\", "\\\\").replace('"', '\\"')
    assert json.loads(body) == {
        "query": f'query($id: ID) {{ order(id: $id, n: "{quoted}") {{lines{{ id }}}} }}',
        "variables": {"id": value, "first": 10, "more": [None, True, 1.5, "{criteria.name}", ""]},
        "{criteria.name}": {},
    }


@given(hostile)
def test_in_a_path(value: str) -> None:
    """A value that could leave its segment is refused; any other is read back from it."""
    template = compile_template("{criteria.name}", KNOWN, path_encoded, around=as_it_is)
    with contextlib.suppress(UnfitError):
        path = f"/shop/{template.fill({'criteria.name': value})}/orders"
        assert [unquote(part) for part in path.split("/")] == ["", "shop", value, "orders"]
        assert urlsplit(f"https://oms.example{path}").path == path
        assert "%" not in value
        assert not {"", ".", ".."} & set(re.split(r"[/\\;]", value))
        return
    assert "%" in value or {"", ".", ".."} & set(re.split(r"[/\\;]", value))


@example("#1001")
@example("A/17")
@example("A;1")
@example("A/..")
@given(hostile | st.from_regex(r"[A-Z#]{1,2}[/0-9.;]{0,4}", fullmatch=True))
def test_beside_other_text_of_a_path(value: str) -> None:
    """A word, or an id such as #1001 and A/17, is read back from its segment, and does not leave it."""
    template = compile_template(
        "number={criteria.name};v=.", KNOWN, path_encoded, of_segment=frozenset({"criteria.name"}), around=as_it_is
    )
    word = re.fullmatch(r"[\w#][\w.~:@+#/-]*", value, re.ASCII) is not None and value[0] != "_"
    with contextlib.suppress(UnfitError):
        path = f"/shop/{template.fill({'criteria.name': value})}/orders"
        assert [unquote(part) for part in path.split("/")] == ["", "shop", f"number={value};v=.", "orders"]
        assert path.count(";") == 1
        assert word
        assert not {"", ".", ".."} & set(unquote(path)[1:].split("/"))
        return
    assert not word or {"", ".", ".."} & set(value.split("/"))


# ---- within quotes of another language


def read_backslash(text: str, mark: str) -> tuple[str, str]:
    """Return the string at the beginning of a text, as SOQL, predicates and GraphQL have it, and what follows."""
    assert text[0] == mark
    value, at = "", 1
    while text[at] != mark:
        at += text[at] == "\\"
        value += text[at]
        at += 1
    return value, text[at + 1 :]


def read_doubled(text: str, mark: str) -> tuple[str, str]:
    """Return the same as OData and SQL have it."""
    found = re.match(rf"{mark}((?:[^{mark}]|{mark}{mark})*){mark}(?!{mark})", text, re.DOTALL)
    assert found
    return found[1].replace(mark * 2, mark), text[found.end() :]


@given(hostile, st.sampled_from("'\""), st.sampled_from(["backslash", "doubled"]))
def test_within_quotes(value: str, mark: str, quoting: str) -> None:
    """Who reads the language finds exactly the value between the quotes, and the rest of the text after them."""
    template = text_template(f"{mark}{{criteria.name|{quoting}}}{mark} and more")
    reader = read_backslash if quoting == "backslash" else read_doubled
    assert reader(template.fill({"criteria.name": value}), mark) == (value, " and more")


@pytest.mark.parametrize(
    "text", ["name:{criteria.name}", "{criteria.name} and x", "f({criteria.name})", "'a' {criteria.name} 'b'"]
)
@given(value=hostile)
def test_beside_other_text_only_words_stand(text: str, value: str) -> None:
    """Where nothing says how a value is quoted, one that its pattern allows has no sign of a language, too."""
    template = text_template(text)
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._~:@+-]*", value):
        assert template.fill({"criteria.name": value}) == text.replace("{criteria.name}", value)
    else:
        with pytest.raises(UnfitError, match=r"criteria\.name"):
            template.fill({"criteria.name": value})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x='{criteria.name}'", "within quotes; write {criteria.name|backslash} or {criteria.name|doubled}"),
        ('x="{criteria.name}"', "within quotes"),
        ("x='a\\'{criteria.name}'", "has a \\ within '"),
        ("'a' = '{criteria.name}'", "within quotes"),
        ("x={criteria.name|doubled}", "outside of quotes; put it into quotes, or write {criteria.name}"),
        ("'a' {criteria.name|doubled} 'b'", "outside of quotes"),
        ("'a'{criteria.name|doubled}'b'", "not clear whether it opens or closes"),
        ("'{criteria.name|upper}'", "unknown |upper; write {criteria.name|backslash} or"),
        ("'{criteria.name|}'", "within quotes"),
        ("'{criteria.name|doubled}", "has a ' that is not closed"),
        ('"""{criteria.name|backslash}"""', "not clear"),
        (
            "x={criteria.email}",
            "beside other text, where a caller's word could mean something else; put it into quo",
        ),
        ("{criteria.name}{criteria.email}", "or give the criterion a pattern, such as [0-9]+"),
        ("{criteria.Name}", "unknown placeholder {criteria.Name}; it may hold {criteria.email}, {criteria.name}"),
        ("{customerOrderID}", "the text itself is {{customerOrderID}}"),
        ("{lines{id}}", "unknown placeholder {id}"),
        ("{name|doubled}", "unknown placeholder {name|doubled}"),
    ],
)
def test_bad_templates(text: str, words: str) -> None:
    """What would let a value out, and what looks like a placeholder and is none, is refused before use."""
    with pytest.raises(TemplateError, match=re.escape(words)):
        text_template(text)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("{ order { id } }", "{ order { id } }"),
        ("{lines{{id}}}", "{lines{id}}"),
        ("{{criteria.name}}", "{criteria.name}"),
        ("it's", "it's"),
        ("{}{1}{ a}{a b}{-}", "{}{1}{ a}{a b}{-}"),
        ("guid'{criteria.name|doubled}' d ge datetime'2026-01-01'", "guid'V' d ge datetime'2026-01-01'"),
        ('a\\ b:"x*{criteria.name|backslash}-{criteria.email|backslash}"^2', 'a\\ b:"x*V-W"^2'),
        ('{"a":"{criteria.name|backslash}","b":\'{criteria.name|doubled}\'}', '{"a":"V","b":\'V\'}'),
        ("{criteria.name}{criteria.name}", "VV"),
    ],
)
def test_braces_and_quotes_of_others(text: str, filled: str) -> None:
    """Braces that are no placeholders stay; one that looks like one is written twofold."""
    assert text_template(text).fill({"criteria.name": "V", "criteria.email": "W"}) == filled


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "# one customer's\n{ o(n: \"{criteria.name|backslash}\") { id } } # the till's",
            "a ' of which it is not",
        ),
        ("author's:1 AND c:\"{criteria.name|backslash}\" AND NOT tag:don't", "a ' of which it is not"),
        ("h eq 5\" and c eq '{criteria.name|doubled}' and w eq 6\"", 'a " of which it is not'),
        ("'tis c='{criteria.name|doubled}' 'twas", "a ' of which it is not"),
        ("\\'{criteria.name|doubled}'", "a ' of which it is not"),
        ('"\\{criteria.name|backslash}"', 'a \\ within "'),
        ("'a\\' and b='{criteria.name|doubled}'", "a \\ within '"),
        ("\"name:'{criteria.name|backslash}'\"", "a ' within \""),
        ('"it\'s {criteria.name|backslash}"', "a ' within \""),
        ("c='{criteria.name|doubled}'s", "a ' of which it is not"),
        ("c='' '{criteria.name|doubled}''", "a ' of which it is not"),
        ("customers' c='{criteria.name|doubled}'", "a ' of which it is not"),
        ("{criteria.name}'s", "a ' of which it is not"),
    ],
)
def test_quotes_that_can_be_read_in_two_ways(text: str, words: str) -> None:
    """Nothing beside a placeholder can turn inside and outside around, so that a value would end its text."""
    with pytest.raises(TemplateError, match=re.escape(words)):
        text_template(text)


_pieces = st.lists(
    st.sampled_from(["'", '"', "\\", " ", "a", "5", "=", "#", "it's ", "{criteria.name|doubled}", "='"]),
    max_size=9,
)


@given(_pieces, _pieces)
def test_what_is_taken_has_its_value_within_one_pair(before: list[str], after: list[str]) -> None:
    """Whatever is around it: a filtered value has the same mark nearest on both sides."""
    text = "".join((*before, "{criteria.name|doubled}", *after))
    with contextlib.suppress(TemplateError):
        filled = text_template(text).fill({"criteria.name": "\0"})
        for piece in re.split("\0", filled)[:-1]:
            assert re.search(r"['\"][^'\"\\]*$", piece) or not re.search(r"['\"]", piece)
        marks = re.findall(r"(['\"])[^'\"]*\0[^'\"]*(['\"])", filled)
        assert marks
        assert all(left == right for left, right in marks)


@pytest.mark.parametrize(
    ("value", "good"),
    [("1001", True), ("007", True), ("null", False), ("1~", False), ("1-1", False), ("\u0661", False)],
)
def test_an_id_beside_other_text(value: str, good: bool) -> None:  # noqa: FBT001 - a table
    """Where no pattern says what it is, it is a number: a word could be a keyword, or the field itself."""
    template = text_template("id:{customerOrderId} and x")
    if good:
        assert template.fill({"customerOrderId": value}) == f"id:{value} and x"
    else:
        with pytest.raises(UnfitError, match="must have only digits"):
            template.fill({"customerOrderId": value})


def test_a_value_is_not_a_template() -> None:
    """A value is put in as it is, even where it looks like a placeholder."""
    values = {"criteria.name": "{criteria.email}", "criteria.email": "x"}
    assert json.loads(JsonBody({"a": "{criteria.name}"}, KNOWN).fill(values)) == {"a": "{criteria.email}"}


# ---- criteria that were not given


def test_what_no_criterion_was_given_for_is_left_out() -> None:
    """A parameter, a member or an element goes with its criterion."""
    pairs = {"n": "{criteria.name}", "e": "{criteria.email}", "id": "{customerOrderId}", "x": "1"}
    given_values = {"criteria.email": "E", "customerOrderId": "1"}
    form = FormBody({name: compile_template(text, KNOWN, url_encoded) for name, text in pairs.items()})
    assert form.fill(given_values) == b"e=E&id=1&x=1"
    document = {
        "a": {"n": "{criteria.name}", "e": "{criteria.email}"},
        "b": ["{criteria.name}", "{criteria.email}", 1],
    }
    assert json.loads(JsonBody(document, KNOWN).fill(given_values)) == {"a": {"e": "E"}, "b": ["E", 1]}


@pytest.mark.parametrize(
    ("document", "sent"),
    [
        ({"f": [{"field": "n", "is": "{criteria.name}"}, {"field": "e", "is": "{criteria.email}"}]},
         {"f": [{"field": "e", "is": "E"}]}),
        ({"q": [{"term": {"n": "{criteria.name}"}}, {"fixed": 1}]}, {"q": [{"fixed": 1}]}),
        ({"f": [{"field": "n", "in": ["{criteria.name}"]}], "x": 1}, {"x": 1}),
        ({"f": [{"or": [{"n": "{criteria.name}"}, {"e": "{criteria.email}"}]}]}, {"f": [{"or": [{"e": "E"}]}]}),
        ({"variables": {"n": "{criteria.name}"}, "x": {}, "y": []}, {"x": {}, "y": []}),
        ({"a": {"first": 1, "n": "{criteria.name}"}}, {"a": {"first": 1}}),
        ({"f": [["k", "{criteria.name}"], ["k", "{criteria.email}"]]}, {"f": [["k"], ["k", "E"]]}),
    ],
)  # fmt: skip
def test_no_half_a_condition_is_left(document: dict[str, Any], sent: object) -> None:
    """An element of a list goes whole, and what is empty then goes with it."""
    assert json.loads(JsonBody(document, KNOWN).fill({"criteria.email": "E"})) == sent


def test_criteria_of_one_element_come_together() -> None:
    """Else the one that was given would go with the element."""
    body = JsonBody({"f": [{"n": "{criteria.name}", "or": [{"e": "{criteria.email}"}]}]}, KNOWN)
    with pytest.raises(UnfitError, match=r"criteria\.name"):
        body.fill({"criteria.email": "E"})
    assert body.fill({}) == b"{}"


def test_criteria_that_stand_together_come_together() -> None:
    """Else the one that was given would be lost."""
    body = JsonBody({"q": "{criteria.name} {criteria.email}"}, KNOWN, KNOWN)
    with pytest.raises(UnfitError) as caught:
        body.fill({"criteria.email": "E"})
    assert caught.value.name == "criteria.name"
    assert body.fill({}) == b"{}"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"a": "x" * 20_000}, "larger than 16 KiB"),
        ({"{criteria.name}": 1}, "unknown placeholder"),
        ({"a": float("inf")}, "number that JSON can't have"),
        ({"a": object()}, "can't be written as JSON"),
        ({"a": [["{customerOrderID}"]]}, "unknown placeholder"),
    ],
)
def test_bad_bodies(document: dict[str, object], words: str) -> None:
    """A body that can't be sent is refused before use."""
    with pytest.raises(TemplateError, match=words):
        JsonBody(document, KNOWN)


def test_a_deep_body() -> None:
    """A body has a bounded depth."""
    document: dict[str, object] = {}
    for _ in range(20):
        document = {"a": document}
    with pytest.raises(TemplateError, match="16 levels"):
        JsonBody(document, KNOWN)
