"""OpenAPI files are read as OpenAPI has them, and what is none is refused with its line."""

import sys
from pathlib import Path

import pytest
import yaml

from tenantproxy.schemas import reader
from tenantproxy.schemas.reader import SchemaError, parse, read_file

DOCS = Path(__file__).parents[4] / "docs"


def test_a_real_file() -> None:
    """The same as PyYAML has it, where YAML 1.1 and JSON agree."""
    path = DOCS / "openapi.yaml"
    assert read_file(path) == yaml.load(path.read_text(), yaml.CSafeLoader)


def test_yaml_as_json_has_it() -> None:
    """Keys are texts; what YAML 1.1 takes for a date or a boolean, and JSON does not, is a text, too."""
    given = b"""
        200: &a {no: off, on: 2024-07-01, x: [1, -2.5, 1e3, true, ~, null, 0x1F, "5", '6']}
        again: *a
        !!str tagged: !!str 7
        text: |
          true
        """
    first = {"no": "off", "on": "2024-07-01", "x": [1, -2.5, 1000.0, True, None, None, "0x1F", "5", "6"]}
    assert parse(given) == {"200": first, "again": first, "tagged": "7", "text": "true\n"}
    assert parse(b'\xef\xbb\xbf {"a": "b"}') == {"a": "b"}
    assert parse(b"{a: b}", is_yaml=True) == {"a": "b"}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (b"", "has 0 YAML documents; keep one"),
        (b"a: 1\n---\nb: 2", "has 2 YAML documents; keep one"),
        (b"\xff", "is not text in UTF-8; is it the right file?"),
        (b'{"a": 1,}', "is not valid JSON: "),
        (b'{"a":' * 100_000, "is nested too deeply"),
        (b"- " * 100_000, "is nested more than 200 levels deep, in line 1"),
        (b"[" * 100_000, "is not valid YAML in line 1: "),
        (b"a:\n  - 'b", "is not valid YAML in line 2: "),
        (b"a: \x00", "is not valid YAML: "),
        (b"a: &b [*b]", "has an alias to nothing before it, in line 1; write it out"),
        (b"a: 1\n[b]: 2", "has a list or object as a key, in line 2; keys are texts"),
        (b"- &a [1]\n- {*a : 1}", "has a key that is no text, or `<<`, in line 2; write it out"),
        (b"- &a {b: 1}\n- {<<: *a}", "has a key that is no text, or `<<`, in line 2; write it out"),
        (b"a: !!python/name:os.system x", "has a tag (`!\u2026`) in line 1; remove it"),
    ],
)
def test_what_is_none(given: bytes, problem: str) -> None:
    """Each problem has its line, as far as it is known."""
    with pytest.raises(SchemaError) as caught:
        parse(given)
    assert str(caught.value).startswith(problem)


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can't be read, or is too large."""
    with pytest.raises(SchemaError, match="can't be read: No such file or directory"):
        read_file(tmp_path / "missing.json")
    with pytest.raises(SchemaError, match="can't be read: Is a directory"):
        read_file(tmp_path)
    monkeypatch.setattr(reader, "LARGEST_FILE", 2 * 1024 * 1024)
    (tmp_path / "large.json").write_bytes(b" " * (2 * 1024 * 1024) + b"{}")
    with pytest.raises(SchemaError, match="is larger than 2 MiB; cut out what is about orders"):
        read_file(tmp_path / "large.json")


def test_without_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the proxy's image: JSON is read, and of YAML it is told what is missing."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert parse(b"{}") == {}
    with pytest.raises(SchemaError, match=r"PyYAML is missing; install tenantproxy\[operator\], or convert"):
        parse(b"a: 1")
