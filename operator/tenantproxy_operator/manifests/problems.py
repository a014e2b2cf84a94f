"""Problems in the user's input: file, document, field, problem, fix."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from tenantproxy.errors import FieldProblem
from tenantproxy_operator.manifests.places import fields_at, places_of

_DETAILS: Final = {
    "missing": "is missing; set it",
    "string_type": "must be a string; put it in quotes",
    "string_unicode": "is not valid Unicode text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number, without quotes",
    "list_type": "must be a list",
    "dict_type": "must be an object (`key: value` lines)",
    "model_type": "must be an object (`key: value` lines)",
    "literal_error": "must be {expected}",
    "greater_than_equal": "is too small; use at least {ge}",
    "less_than_equal": "is too large; use at most {le}",
    "too_long": "has {actual_length} entries; at most {max_length} are allowed",
    "too_short": "has {actual_length} entries; at least {min_length} is required",
    "string_too_long": "is too long; at most {max_length} characters are allowed",
    "string_too_short": "is empty; set a value",
    "invalid": "{problem}",
}
_FEW: Final = 6
"""So many names are said one by one."""


@dataclass(frozen=True, kw_only=True)
class FileProblem:
    """One thing that is wrong in a file."""

    path: str
    error: FieldProblem
    line: int = field(default=0, compare=False)
    """From 1; 0 where it is not known."""
    document: int = 0
    """Which document of the file, from 1; 0 where it is about the whole file."""
    item: int | None = None
    """Which item of the document, from 0, if that is a list of objects."""
    subject: str = ""
    """What the document is about, such as `TenantProxy tenants/acme`, if that is known."""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        if self.document:
            item = "" if self.item is None else f"items[{self.item}]"
            within = ", ".join(part for part in (f"document {self.document}", item, self.subject) if part)
            place += f" ({within})"
        return f"{place}: {self.error.field}{': ' if self.error.field else ''}{self.error.detail}"


def file_problem(path: Path | str, detail: str, line: int = 0) -> FileProblem:
    """Return what is wrong with a whole file from a line on, or with what a path names."""
    return FileProblem(path=str(path), line=line, error=FieldProblem("", detail))


def field_errors(error: ValidationError, model: type[BaseModel] | None = None) -> list[FieldProblem]:
    """Return what pydantic found, without any value of the input.

    `model` is the validated one: with it, an unknown field comes with the known one that looks like it.
    """
    return [
        FieldProblem(_path(found["loc"]), _detail(found, model))
        for found in error.errors(include_url=False, include_input=False)
    ]


def _path(location: Iterable[int | str]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def _detail(found: Any, model: type[BaseModel] | None) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    kind, context, place = found["type"], found.get("ctx", {}), found["loc"]
    if kind == "extra_forbidden":
        return _unknown(model, place) if model else "is unknown; remove it"
    if kind == "model_type" and model and 0 < len(names := fields_at(model, place)) <= _FEW:
        return f"must be an object with {_listed(names)}"
    template = _DETAILS.get(kind)
    return template.format(**context) if template else f"is invalid: {found['msg']}"


def _unknown(model: type[BaseModel], place: Sequence[int | str]) -> str:
    name, here = str(place[-1]), fields_at(model, place[:-1])
    if near := get_close_matches(name, here, n=1):
        return f"is unknown; did you mean `{near[0]}`?"
    elsewhere = places_of(model, name)
    if len(elsewhere) == 1:
        return f"does not belong here; move it to {elsewhere[0]}, or remove it"
    if elsewhere:
        return "does not belong here; remove it, or check the indentation"
    return f"is unknown; use {_listed(here)}, or remove it" if 0 < len(here) <= _FEW else "is unknown; remove it"


def _listed(names: Sequence[str]) -> str:
    *most, last = (f"`{name}`" for name in names)
    return f"{', '.join(most)} or {last}" if most else last
