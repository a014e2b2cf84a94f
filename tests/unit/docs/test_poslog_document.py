"""docs/poslog-document.schema.json is what the structs say."""

from hack import poslog_document


def test_the_schema_is_generated() -> None:
    """`make crd` writes it."""
    assert poslog_document.PATH.read_text() == poslog_document.text()
