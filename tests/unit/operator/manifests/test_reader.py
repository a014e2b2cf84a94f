"""Reading documents: strict, bounded, and always with a place."""

import os
from pathlib import Path
from typing import Any

import pytest

from tenantproxy.errors import FieldProblem
from tenantproxy_operator.manifests.reader import ReadFile, parse_documents, read_documents


def _contents(text: str, name: str = "f.yaml") -> list[Any]:
    found = parse_documents(text.encode(), Path(name))
    assert _errors(found) == []
    return [document.content for document in found.documents]


def _errors(found: ReadFile) -> list[str]:
    problems = [problem for document in found.documents for problem in document.problems]
    return [str(problem) for problem in [*problems, found.problem] if problem]


def _error(text: str | bytes, name: str = "f.yaml") -> str:
    data = text.encode() if isinstance(text, str) else text
    (error,) = _errors(parse_documents(data, Path(name)))
    return error.replace(" (document 1)", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# nothing\n---\n---\nnull\n", []),
        ("a: 1\n---\nb: [x, 1.5, true, null, '2']\n", [{"a": 1}, {"b": ["x", 1.5, True, None, "2"]}]),
        ("\ufeffa: 1", [{"a": 1}]),
        ("a: &x {b: 1}\nc: *x\n", [{"a": {"b": 1}, "c": {"b": 1}}]),
        ("a: 2026-11-24", [{"a": "2026-11-24"}]),
        ("- 1\n- 2", [[1, 2]]),
    ],
)
def test_yaml(text: str, expected: list[Any]) -> None:
    """Documents are plain JSON values; empty ones are left out; a date is text."""
    assert _contents(text) == expected


def test_numbers_count_empty_documents() -> None:
    """A document's number is its place in the file, so that the reader finds it."""
    (document,) = parse_documents(b"---\n---\na: 1\n", Path("f.yaml")).documents
    assert document.number == 2


def test_json() -> None:
    """A .json file is JSON, not YAML."""
    assert _contents('{"a": "\\ud83d\\ude00",\t"b": 1e3}', "f.json") == [{"a": "😀", "b": 1000.0}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2", "f.yaml:2: is not valid YAML: "),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: has the key `a` twice; remove one"),
        ("a:\n  1: x\n", "f.yaml:2: has the key `1`, which is not a string; put it in quotes"),
        ("on: x\n", "f.yaml:1: has the key `on`, which is not a string; put it in quotes"),
        ("? [a]\n: 1\n", "f.yaml:1: has a list or object as key, which is not a string"),
        ("a: !!python/object:os.system x\n", "f.yaml:1: has a tag (`!…`), which is not supported"),
        ("a: !!binary aGVsbG8=\n", "f.yaml:1: has a tag (`!…`), which is not supported"),
        ("a: !secret {b: 1}\n", "f.yaml:1: has a tag (`!…`), which is not supported; remove it"),
        ("a:\n- !!set [b]\n", "f.yaml:2: has a tag (`!…`), which is not supported; remove it"),
        ("a: b: c\n", "f.yaml:1: is not valid YAML: mapping values are not allowed in this context; check the"),
        ("a: !!int x\n", "f.yaml:1: has a value that does not fit its tag"),
        (
            "a: 0.1234567890123456789\n",
            "f.yaml:1: has a number with more digits than Kubernetes keeps; shorten it",
        ),
        ("a: 0.30000000000000000001\n", "f.yaml:1: has a number with more digits than Kubernetes keeps"),
        ("a: .inf\n", "f.yaml:1: has a number that JSON can't represent"),
        ("a: &x 1\nb:\n  <<: {c: 1}\n", "f.yaml:3: has a merge key (`<<`), which is not supported"),
        ("a: &x [*x]\n", "f.yaml:1: has an alias to an enclosing node"),
        ("a: *nothing\n", "f.yaml:1: is not valid YAML: found undefined alias"),
        ("\tx: 1", "f.yaml:1: indents with a tab; use spaces"),
        ("a:\n  b:\n \tc: 1", "f.yaml:3: indents with a tab; use spaces"),
        ("a: @x", "f.yaml:1: is not valid YAML: "),
        ("a: \x01", "f.yaml: is not valid YAML: "),
        (b"\xff\xfe\x00\x01", "f.yaml: is not text in UTF-8"),
        ("[" * 100_000, "f.yaml:1: is nested more than 50 levels deep; is it the right file?"),
        ("{a: " * 51 + "1" + "}" * 51, "f.yaml:1: is nested more than 50 levels deep"),
    ],
)
def test_bad_yaml(text: str | bytes, expected: str) -> None:
    """What can't be read is said with file, line and fix; nothing crashes."""
    assert _error(text).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,\n"b" 2}', "f.json:2: is not valid JSON: "),
        ('{"a": {"b": 1,\n"b": 2}}', "f.json:2: has the key `b` twice; remove one"),
        ('{"a": 1234567890123456789.5}', "f.json:1: has a number with more digits than Kubernetes keeps"),
        ('{"a": NaN}', "f.json: has NaN, which is not a JSON number"),
        ("[" * 100_000, "f.json: is nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", "f.json: has a number with too many digits"),
        ('{"a": ["\\ud800"]}', "f.json: has an escape (`\\ud800` to `\\udfff`) that is not a character"),
        ('{"\\udfff": 1}', "f.json: has an escape"),
    ],
)
def test_bad_json(text: str, expected: str) -> None:
    """The same holds for JSON."""
    assert _error(text, "f.json").startswith(expected)


def test_all_mistakes_at_once() -> None:
    """What is wrong with single values is told for all of them; what can't be parsed hides only what follows."""
    text = "a: !x 1\na: 2\nb: .nan\n1: x\nc: {<<: {d: 1}}\n---\ne: 1\n---\nf: [\n---\ng: 1\n"
    found = parse_documents(text.encode(), Path("f.yaml"))
    assert [document.content for document in found.documents] == [{"a": None, "b": None, "c": {}}, {"e": 1}]
    assert [error.partition(": ")[0] for error in _errors(found)] == [
        *(f"f.yaml:{line} (document 1)" for line in (1, 2, 3, 4, 5)),
        "f.yaml:10",
    ]


def test_mistakes_have_a_bound() -> None:
    """A file that is full of them is no manifest."""
    assert "has 100 mistakes and more" in _errors(parse_documents(b"a: 1\n" * 1000, Path("f.yaml")))[0]


_YAML = "a:\n  b: {c: 1}\nlist:\n- x\n- &again\n  x: 1\nproxy:\n  example/a.b: 1\nagain: *again\n"
_JSON = '{"a":\n{"b": {"c": 1}},\n"list": [\n"x",\n{\n"x": 1}],\n"proxy": {\n"example/a.b": 1}}'


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("", 1),
        ("a", 1),
        ("a.b.c", 2),
        ("a.b.c.d", 2),
        ("a.missing", 1),
        ("list[1]", 5),
        ("list[1].x", 6),
        ("list[7]", 3),
        ("proxy.example/a.b", 8),
    ],
)
@pytest.mark.parametrize(("name", "text"), [("f.yaml", _YAML), ("f.json", _JSON)])
def test_lines(field: str, line: int, name: str, text: str) -> None:
    """A field's line is its name's, or that of what it is missing in."""
    (document,) = parse_documents(text.encode(), Path(name)).documents
    assert document.problem(FieldProblem(field, "x")).line == line


def test_aliases_that_multiply() -> None:
    """A few lines of aliases that mean billions of values are refused, at once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "aliases that multiply" in _error("\n".join(lines))


def test_unreadable_files(tmp_path: Path) -> None:
    """A missing file, a directory, a pipe and a huge file are errors that name the path."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    for name, expected in (
        ("missing.yaml", "can't be read: No such file"),
        (".", "is not a regular file"),
        ("pipe", "is not a regular file"),
        ("huge.yaml", "is larger than 1 MiB"),
    ):
        assert str(read_documents(tmp_path / name).problem).startswith(f"{tmp_path / name}: {expected}")


@pytest.mark.parametrize(
    "value", ["!M4RKED", "*M4RKED", "!M4RKED!x", "&M4RKED &M4RKED x", "'M4RKED", "[M4RKED", "@M4RKED"]
)
def test_no_error_shows_a_value(value: str) -> None:
    """A password that YAML can't read unquoted is not repeated in the message."""
    assert "M4RKED" not in _error(f"stringData:\n  password: {value}\n")
