"""The pages of a search, as a configuration says that the OMS has them: where the next one is, which is the last.

Compiled once, and pure. One way leads on: a number in the request, a cursor in the answer, or the header `Link`.
"""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec
from msgspec import Raw

from tenantproxy import config
from tenantproxy.errors import FieldProblem
from tenantproxy.oms.requests.links import LinkError, next_target
from tenantproxy.oms.requests.request import Next, Position
from tenantproxy.oms.requests.templates import PAGE_CURSOR, PAGE_NUMBER, PAGE_OFFSET
from tenantproxy.orders import pointers
from tenantproxy.orders.conditions import compile_conditions
from tenantproxy.orders.json_members import STRING, reader, text, unless_null, whole
from tenantproxy.orders.surrogates import marked
from tenantproxy.transport.base import UpstreamResponse

PLACEHOLDERS: Final = frozenset({PAGE_CURSOR, PAGE_NUMBER, PAGE_OFFSET})
MAX_CONDITIONS: Final = 8
MAX_CURSOR: Final = 2048
"""Characters."""
_COUNT: Final = re.compile(r"[0-9]{1,15}")
_WAYS: Final = f"{{{PAGE_OFFSET}}}, {{{PAGE_NUMBER}}} or {{{PAGE_CURSOR}}} in query or body, or link: true"

COUNTED: Final = (
    "leaves out orders of pages that end by how many orders came; follow link, or cursor (alone, or with more), "
    "or leave them out in the request"
)
"""Why a mapping's `where` does not go with such pages."""


class PageError(Exception):
    """Where the next page is can't be told; the message is a sentence for people."""


class Paging:
    """How the pages of one search are followed; `base` is the base URL."""

    def __init__(self, pages: config.Pages, base: str, errors: list[FieldProblem]) -> None:
        """Compile; what is wrong with pointers and conditions is added to `errors`, by its path below `pages`."""
        self.max = pages.max
        self.first = Position(pages.first)
        self._base = base
        self._pages = pages
        self._read = reader(
            [
                pointers.parse(pointer or "", name, errors)
                for name, pointer in (("total", pages.total), ("cursor", pages.cursor))
            ]
        )
        errors += [
            FieldProblem(f"more[{index}].sameAs", "is for `pick` only; use `in` or `absent`")
            for index, condition in enumerate(pages.more)
            if condition.same_as is not None
        ]
        self._more = compile_conditions(pages.more, "more", errors) if pages.more else None

    def after(self, here: Position, path: str, response: UpstreamResponse, count: int) -> Next:
        """Return where the page behind the one at `here` is.

        `path` is that of the request for the one at `here`, and `count` how many elements came.

        Raises:
            PageError: The answer doesn't say it as it should.

        """
        following = Position(here.number + 1, here.offset + count)
        if self._pages.link:
            try:
                target = next_target(response.headers.get("link", ""), self._base, path)
            except LinkError as error:
                raise PageError(f"By the OMS's `Link`, the next page {error}.") from None
            return None if target is None else _other(following._replace(target=target), here)
        if self._pages.size is not None and count < self._pages.size:
            return None
        try:
            return self._said(following, here, _document(response.body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise PageError("Where `pages` looks in the OMS's answer, there is a text that is none.") from None

    def _said(self, following: Position, here: Position, document: Raw) -> Next:
        """Return the following position, if the OMS's answer says that it is one.

        Behind an empty page none is asked for, but by a cursor: the place would be the same.
        """
        total, cursor = map(unless_null, self._read(document))
        stays = self._pages.cursor is None and following.offset == here.offset
        if self._pages.total is not None:
            there_are = _count(total)
            if there_are is None and not stays:
                raise PageError("`pages.total` points to no number of elements in the OMS's answer.")
            if there_are is None or following.offset >= there_are:
                return None
        if self._more is not None and not self._more(document):
            return None
        if self._pages.cursor is None:
            return "oms" if stays else following
        if found := _cursor(cursor):
            return _other(following._replace(cursor=found), here)
        return None if self._pages.total is None and self._more is None else "oms"


def check_pages(pages: config.Pages, used: AbstractSet[str], method: str) -> Iterator[FieldProblem]:
    """Yield what is wrong with how pages are followed, by its path below `pages`; `used` are the placeholders."""
    ways = [f"{{{name}}}" for name in sorted(PLACEHOLDERS & used)] + ["link"] * pages.link
    if not ways:
        yield FieldProblem("", f"says no way to the next page; write {_WAYS}")
    elif len(ways) > 1:
        yield FieldProblem("", f"has {' and '.join(ways)}, which are two ways to the next page; keep one")
    if pages.link and method != "GET":
        yield FieldProblem("link", "is followed by GET; set method: GET")
    if (pages.cursor is not None) != (PAGE_CURSOR in used):
        fix = "has no place" if pages.cursor is not None else "is missing"
        yield FieldProblem("cursor", f"{fix}; a pointer here and {{{PAGE_CURSOR}}} in query or body go together")
    if pages.first != 1 and PAGE_NUMBER not in used:
        yield FieldProblem("first", f"is for {{{PAGE_NUMBER}}} only; remove it")
    yield from _check_end(pages, ways)


def _check_end(pages: config.Pages, ways: list[str]) -> Iterator[FieldProblem]:
    """Yield what is wrong with what says which page is the last."""
    given = [name for name in ("size", "total", "more") if getattr(pages, name) not in (None, ())]
    if ways == ["link"] and given:
        yield FieldProblem(given[0], "goes with no link, as the last page has none; remove it")
    if ways in ([f"{{{PAGE_NUMBER}}}"], [f"{{{PAGE_OFFSET}}}"]) and not given:
        yield FieldProblem("", "doesn't say which page is the last; write size, total or more")
    if len(given) > 1:
        yield FieldProblem(given[1], f"stands beside {given[0]}, which says which page is the last; keep one")
    if len(pages.more) > MAX_CONDITIONS:
        yield FieldProblem("more", f"has {len(pages.more)} elements; shorten it to at most {MAX_CONDITIONS}")


def counts_orders(pages: config.Pages) -> bool:
    """Return whether the next page, or its end, is told by how many orders came."""
    return pages.size is not None or pages.total is not None or not (pages.link or pages.cursor is not None)


def values_at(here: Position) -> Mapping[str, str]:
    """Return the values of the placeholders for a page."""
    values = {PAGE_NUMBER: str(here.number), PAGE_OFFSET: str(here.offset)}
    return values if here.cursor is None else {**values, PAGE_CURSOR: here.cursor}


def _other(following: Position, here: Position) -> Position:
    """Return a position that the OMS named.

    Raises:
        PageError: It is the present one.

    """
    if (following.cursor, following.target) == (here.cursor, here.target):
        raise PageError("The OMS names a page as its own next one.")
    return following


def _document(body: bytes) -> Raw:
    """Return a body that has been converted."""
    try:
        return whole(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return whole(marked(body) or body)


def _count(raw: Raw | None) -> int | None:
    """Return a number of elements; None: it is none."""
    written = b"" if raw is None else bytes(raw).strip(b'"')
    return int(written) if _COUNT.fullmatch(written.decode("latin-1")) else None


def _cursor(raw: Raw | None) -> str:
    """Return a cursor; an empty text: there is none."""
    if raw is None:
        return ""
    written = bytes(raw)
    if written[0] == STRING:
        found = text(raw)
        if len(found) <= MAX_CURSOR:
            return found
    elif _COUNT.fullmatch(written.decode("latin-1")):
        return written.decode()
    raise PageError(f"`pages.cursor` points to no text of at most {MAX_CURSOR} characters in the OMS's answer.")
