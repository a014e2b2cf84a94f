"""What `tenantproxy map --explain` prints: a table for people, or JSON."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from tenantproxy.errors import FieldProblem
from tenantproxy.operations import Operation
from tenantproxy.orders.explanation.located import Located
from tenantproxy.orders.explanation.origins import Explanation
from tenantproxy.orders.explanation.rows import Row, dropped, rows
from tenantproxy.orders.json_members import LIST, OBJECT

_MOST_SHOWN: Final = 40
"""Characters of a value in a table."""
_WIDEST: Final = 56
"""Characters of a column that all rows are aligned to; a longer cell moves the rest of its row."""
_Cells = tuple[str, ...]


def explanation_text(operation: Operation, explanation: Explanation) -> str:
    """Return the tables: what comes, what does not, and what is dropped."""
    made = rows(explanation)
    tables: list[tuple[str, list[_Cells]]] = [
        (
            f"{operation.name}: where each field comes from (values of the first one)",
            [_came(row) for row in made if row.example.after is not None],
        ),
        ("Not there", [_absent(row) for row in made if row.example.after is None]),
        (
            "Dropped, as no rule and no field of the same name reads it",
            [(_counted(each.example.pattern, each.alike), each.example.kind) for each in dropped(explanation)],
        ),
    ]
    return "\n\n".join("\n".join([title, *_aligned(cells)]) for title, cells in tables if cells)


def explanation_json(operation: Operation, explanation: Explanation, violations: Sequence[FieldProblem]) -> str:
    """Return the same with whole values; numbers as they were sent."""
    made = rows(explanation)
    document = {
        "operation": operation.name,
        "fields": [_row(row) for row in made if row.example.after is not None],
        "absent": [_row(row) for row in made if row.example.after is None],
        "dropped": [
            {"pointer": each.example.pattern, "count": each.alike, "example": each.example.pointer}
            for each in dropped(explanation)
        ],
        "violations": [{"pointer": field, "detail": detail} for field, detail in violations],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _row(row: Row) -> dict[str, Any]:
    origin = row.example
    example: dict[str, Any] = {"pointer": origin.pointer, "from": [_read(read) for read in origin.reads]}
    made = {
        "pointer": origin.pattern,
        "count": row.alike,
        "from": [read.pattern for read in origin.reads],
        "steps": [*origin.steps],
    }
    if origin.after is not None and origin.kind == "list":
        made |= {"elements": row.elements, "found": row.found}
    elif origin.after is not None and origin.kind != "object":
        example["value"] = origin.after
    return made | {"example": example}


def _read(read: Located) -> dict[str, Any]:
    """Return what was read; of lists and objects, what they are is enough."""
    is_single = read.raw is not None and memoryview(read.raw)[0] not in (OBJECT, LIST)
    return {"pointer": read.pointer, "is": read.kind} | ({"value": read.raw} if is_single else {})


def _came(row: Row) -> _Cells:
    origin = row.example
    sources = ", ".join(read.pattern or '""' for read in origin.reads) or "-"
    field = _counted(origin.pattern, row.alike, row.of)
    if origin.kind == "object":
        return field, sources, ", ".join(origin.steps), ""
    if origin.kind == "list":
        elements = f"{row.elements} of {row.found} elements" if row.found else "no elements"
        return field, sources, ", ".join(origin.steps), elements
    before = ", ".join(read.kind if read.is_nothing else _shown(read.raw) for read in origin.reads)
    after = _shown(origin.after)
    values = after if before == after else f"{before} -> {after}".strip()
    return field, sources, ", ".join(origin.steps) or "as it is", values


def _absent(row: Row) -> _Cells:
    looked_at = ", ".join(f"{read.pattern} ({read.kind})" for read in row.example.reads)
    return _counted(row.example.pattern, row.alike, row.of), looked_at


def _counted(pattern: str, count: int, of: int | None = None) -> str:
    """Return a pattern with how often there is what it stands for."""
    if "*" not in pattern.split("/"):
        return pattern
    return f"{pattern} ({count})" if of in (None, count) else f"{pattern} ({count} of {of})"


def _shown(value: Raw | None) -> str:
    text = bytes(value or b"").decode(errors="replace")
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


def _aligned(table: Sequence[_Cells]) -> Iterator[str]:
    widths = [min(_WIDEST, max(map(len, column))) for column in zip(*table, strict=True)]
    for cells in table:
        yield "  " + "  ".join(map(str.ljust, cells, widths)).rstrip()
