"""Read files of YAML documents, or of one JSON document, as plain JSON values, with their places."""

import json
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from tenantproxy.errors import FieldProblem
from tenantproxy_operator.manifests.json_text import parse_json
from tenantproxy_operator.manifests.lines import Lines
from tenantproxy_operator.manifests.problems import FileProblem, file_problem
from tenantproxy_operator.manifests.yaml_text import Mistake, Parsed, TextError, parse_yaml

LARGEST_FILE: Final = 1024 * 1024


@dataclass(frozen=True)
class Document:
    """One document of a file, with its number (from 1); or one item of a document that is a `kind: List`."""

    path: Path
    number: int
    content: Any = field(repr=False)
    lines: Lines = field(default=Lines(), compare=False, repr=False)
    problems: tuple[FileProblem, ...] = ()
    """What is wrong with how it is written, whatever it means."""
    item: int | None = None

    def problem(self, error: FieldProblem, subject: str = "") -> FileProblem:
        """Return a problem of one of its fields."""
        return FileProblem(
            path=str(self.path),
            line=self.lines.line_of(error.field),
            document=self.number,
            item=self.item,
            subject=subject,
            error=error,
        )

    def with_problems(self, errors: Iterable[FieldProblem], subject: str = "") -> list[FileProblem]:
        """Return all its problems, by their lines; a line that is badly written is not judged by what it means."""
        written = {problem.line for problem in self.problems}
        meant = (self.problem(error, subject) for error in errors)
        found = [*self.problems, *(problem for problem in meant if not (written and problem.line in written))]
        return sorted(found, key=lambda problem: problem.line)


class ReadFile(NamedTuple):
    """The documents of a file, and why there may be more that can't be read."""

    documents: list[Document]
    problem: FileProblem | None = None


def read_documents(path: Path) -> ReadFile:
    """Return the documents in the file at `path`; empty ones are left out."""
    try:
        data = _read(path)
    except OSError as error:
        return ReadFile([], file_problem(path, f"can't be read: {error.strerror or error}"))
    except TextError as error:
        return ReadFile([], file_problem(path, error.mistake.detail))
    return parse_documents(data, path)


def parse_documents(data: bytes, path: Path) -> ReadFile:
    """Return the documents in `data`; `path` names it in problems, and says whether it is JSON or YAML."""
    documents: list[Document] = []
    try:
        text = data.decode("utf-8-sig")
        parsed = iter([parse_json(text)]) if path.suffix == ".json" else parse_yaml(text)
        documents.extend(_documents(path, parsed))
    except UnicodeDecodeError:
        return ReadFile([], file_problem(path, "is not text in UTF-8; is it the right file?"))
    except TextError as error:
        return ReadFile(documents, file_problem(path, error.mistake.detail, error.mistake.line))
    return ReadFile(documents)


def _documents(path: Path, parsed: Iterator[Parsed]) -> Iterator[Document]:
    for number, (content, lines, mistakes) in enumerate(parsed, start=1):
        if content is not None or mistakes:
            _check_unicode(content)
            yield Document(path, number, content, lines, tuple(_placed(path, number, each) for each in mistakes))


def _placed(path: Path, number: int, mistake: Mistake) -> FileProblem:
    error = FieldProblem("", mistake.detail)
    return FileProblem(path=str(path), line=mistake.line, document=number, error=error)


def _read(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe could block for ever
        raise TextError(Mistake("is not a regular file; give a file or a directory"))
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise TextError(Mistake("is larger than 1 MiB; split it"))
    return data


def _check_unicode(content: Any) -> None:  # noqa: ANN401 - JSON
    """Refuse escapes that mean half a character: nothing could be written with it."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        detail = "has an escape (`\\ud800` to `\\udfff`) that is not a character; remove it"
        raise TextError(Mistake(detail)) from None
