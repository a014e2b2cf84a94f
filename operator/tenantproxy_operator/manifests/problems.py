"""Problems in the user's input: file, document, field, problem, fix."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from tenantproxy.errors import FieldProblem

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


@dataclass(frozen=True, kw_only=True)
class FileProblem:
    """One thing that is wrong in a file."""

    path: str
    error: FieldProblem
    document: int = 0
    """Which document of the file, from 1; 0 where it is about the whole file."""
    subject: str = ""
    """What the document is about, such as `TenantProxy tenants/acme`, if that is known."""

    def __str__(self) -> str:
        place = self.path
        if self.document:
            place += f" (document {self.document}{', ' if self.subject else ''}{self.subject})"
        return f"{place}: {self.error.field}{': ' if self.error.field else ''}{self.error.detail}"


def file_problem(path: Path | str, detail: str) -> FileProblem:
    """Return what is wrong with a whole file, or with what a path names."""
    return FileProblem(path=str(path), error=FieldProblem("", detail))


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
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(str(found["loc"][-1]), _known(model) if model else [])
    template = _DETAILS.get(kind)
    return template.format(**context) if template else f"is invalid: {found['msg']}"


def _unknown(name: str, known: list[str]) -> str:
    if name in known:
        return "does not belong here; remove it, or check the indentation"
    near = get_close_matches(name, known, n=1)
    return f"is unknown; did you mean `{near[0]}`?" if near else "is unknown; remove it"


def _known(model: type[BaseModel]) -> list[str]:
    """Return the names of all fields at and below `model`, as manifests write them."""
    schema = model.model_json_schema(by_alias=True)
    places = [schema, *schema.get("$defs", {}).values()]
    return sorted({name for place in places for name in place.get("properties", {})})
