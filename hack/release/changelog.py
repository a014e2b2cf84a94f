"""CHANGELOG.md: sections of versions, each with groups of entries, such as `### Added`."""

import re
from datetime import date
from typing import Final

from hack.release import ReleaseError

_SECTION: Final = re.compile(r"^## ", re.MULTILINE)
_GROUP: Final = re.compile(r"^(?=### )", re.MULTILINE)
_UNRELEASED: Final = "[Unreleased]"
_LINK: Final = re.compile(r"(?<=\]\()(?!https?://|#)(?=[^)]+\))")


def released(text: str, version: str, day: date) -> str:
    """Return the changelog with what is unreleased in the section of a version.

    Where that section is there already, the entries go to the ends of its groups: a release that is being prepared
    takes in what has been merged meanwhile.

    Raises:
        ReleaseError: There would be nothing in it.

    """
    preamble, sections = _parse(text)
    unreleased = sections.pop(_UNRELEASED, "")
    title = _title(sections, version)
    merged = _merged(sections.pop(title, ""), unreleased)
    if not merged:
        raise ReleaseError(f"CHANGELOG.md has no entries for {version}: add some under ## {_UNRELEASED}")
    dated = f"[{version}] - {day.isoformat()}"
    return _text(preamble, {_UNRELEASED: "", dated: merged, **sections})


def notes(text: str, version: str) -> str:
    """Return what the changelog says of a version.

    Raises:
        ReleaseError: It has no such section, or nothing is in it.

    """
    _, sections = _parse(text)
    body = sections.get(_title(sections, version), "")
    if not body:
        raise ReleaseError(
            f"CHANGELOG.md has no entries under ## [{version}] - DATE: `python -m hack.release prepare {version}`"
        )
    return body + "\n"


def unreleased(text: str) -> str:
    """Return what is of no version yet."""
    return _parse(text)[1].get(_UNRELEASED, "")


def with_absolute_links(text: str, base: str) -> str:
    """Return notes for a page elsewhere: relative links lead to files below a URL."""
    return _LINK.sub(f"{base.rstrip('/')}/", text)


def _parse(text: str) -> tuple[str, dict[str, str]]:
    """Return what is above the sections, and their titles and texts."""
    preamble, *sections = _SECTION.split(text)
    parts = (section.partition("\n") for section in sections)
    return preamble.strip(), {title.strip(): body.strip() for title, _, body in parts}


def _title(sections: dict[str, str], version: str) -> str:
    """Return the title of a version's section; one that is not there where there is none."""
    return next((title for title in sections if title.startswith(f"[{version}] - ")), version)


def _merged(body: str, more: str) -> str:
    """Return one section of two: the words above the groups, then each group with the entries of both."""
    groups: dict[str, list[str]] = {}
    for part in (*_GROUP.split(body), *_GROUP.split(more)):
        title, entries = part.split("\n", 1) if part.startswith("### ") and "\n" in part else ("", part)
        if entries.strip():
            groups.setdefault(title.strip(), []).append(entries.strip())
    return "\n\n".join(
        f"{title}\n\n{text}" if title else text
        for title, text in ((title, "\n".join(entries)) for title, entries in groups.items())
    )


def _text(preamble: str, sections: dict[str, str]) -> str:
    return "\n\n".join([preamble, *(f"## {title}\n\n{body}".rstrip() for title, body in sections.items())]) + "\n"
