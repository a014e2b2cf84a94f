"""XML to a tree of elements, within bounds.

By expat, the parser of the standard library and of defusedxml, which refuses document type declarations by the
same hook: without one there are no entities but XML's own five, and nothing outside is referred to. It lets bounds
hold while the tree grows, and each element is a call of Python's, so other threads get their turn. lxml takes a
third of the time, and 7 MiB of memory; but only the few PosLogs that the pre-check leaves are parsed.
"""

from itertools import accumulate, dropwhile
from typing import Final
from xml.parsers import expat

from tenantproxy.poslog.elements import Element
from tenantproxy.poslog.intake.errors import EventError, malformed

MAX_DEPTH: Final = 64
"""The published schema nests some 15 levels."""
MAX_NODES: Final = 300_000
"""Elements and attributes together, of up to 200 bytes each; a PosLog of 5 MB has 130,000, without indentation
210,000."""
MAX_TAG: Final = 256 * 1024
"""Bytes of a tag or a comment (up to twice as many may pass): expat reads each as a whole, and takes 30 times its
size for a tag of nothing but attributes."""
MAX_NAME: Final = 256
"""Characters of an element's or attribute's name, with its prefix; the published schema's have up to 50."""
MAX_NAMES: Final = 4_096
"""Different ones; a PosLog has some hundreds."""
MAX_TEXT: Final = 256 * 1024
"""Characters of an element's text; of a longer one only the beginning is kept. Nobody reads those of more than
256, and a receipt of 16 MB with an emoji here and there would take 64 for each copy."""
ENCODINGS: Final = frozenset({"iso-8859-1", "us-ascii", "utf-8", "utf-16"})
"""Those that expat reads by itself; any other would be one of Python's codecs."""

_FEW: Final = 8
"""Pieces of a text, each of `MAX_TAG` at most, that are joined without a look at their length."""
_NO_ATTRIBUTES: Final[dict[str, str]] = {}


def parse(xml: bytes) -> Element:
    """Return the root of a document.

    Raises:
        EventError: It is not well-formed, has a document type declaration, or is beyond a bound.

    """
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.XmlDeclHandler = _check_encoding
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    pieces = memoryview(xml)
    try:
        for end in range(MAX_TAG, len(xml) + MAX_TAG, MAX_TAG):
            parser.Parse(pieces[end - MAX_TAG : end], False)  # noqa: FBT003 - "more comes", by position only
            if min(end, len(xml)) - parser.CurrentByteIndex > MAX_TAG:
                raise _too_large(f"{MAX_TAG // 1024} KiB in a tag or comment")
        parser.Parse(b"", True)  # noqa: FBT003 - "that was all"
    except expat.ExpatError as error:
        problem = expat.ErrorString(error.code)
        raise malformed(f"the PosLog is not well-formed XML: {problem}, in line {error.lineno}") from None
    return builder.root()


def _check_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise malformed("the PosLog's encoding is not one of UTF-8, UTF-16, ISO-8859-1 and US-ASCII")


def _refuse_doctype(*_: object) -> None:
    raise malformed("the PosLog has a document type declaration, which is never read")


class _Builder:
    """What expat calls."""

    __slots__ = ("_above", "_content", "_local_names", "_nodes", "_plain")

    def __init__(self) -> None:
        self._nodes = 0
        self._local_names: dict[str, str] = {}
        self._plain: set[str] = set()
        """Names of attributes that have no prefix."""
        self._content: list[Element | str] = []
        """Of the current element: children, and pieces of text."""
        self._above: list[tuple[str, dict[str, str], list[Element | str]]] = []
        """The open elements: name, attributes, and the content around each."""

    def root(self) -> Element:
        """Return the root of a document that has ended."""
        [root] = self._content
        assert isinstance(root, Element)  # noqa: S101 - expat lets no text stand beside it
        return root

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        self._nodes += 1 + len(attributes)
        if self._nodes > MAX_NODES:
            raise _too_large(f"{MAX_NODES:,} elements and attributes")
        if len(self._above) == MAX_DEPTH:
            raise _too_large(f"{MAX_DEPTH} levels of elements")
        if not attributes:
            attributes = _NO_ATTRIBUTES
        elif not self._plain.issuperset(attributes):
            attributes = self._without_prefixes(attributes)
        self._above.append((self._local_names.get(name) or self._local(name), attributes, self._content))
        self._content = []

    def end(self, _name: str) -> None:
        """End an element."""
        name, attributes, around = self._above.pop()
        content = self._content
        if not content:
            ended = Element(name, attributes, "", ())
        elif len(content) == 1 and isinstance(content[0], str):  # nearly all others
            ended = Element(name, attributes, content[0].strip(), ())
        else:
            text = _joined([each for each in content if isinstance(each, str)])
            ended = Element(name, attributes, text, tuple(each for each in content if isinstance(each, Element)))
        around.append(ended)
        self._content = around

    def text(self, text: str) -> None:
        """Take a piece of the current element's text."""
        self._content.append(text)

    def _without_prefixes(self, attributes: dict[str, str]) -> dict[str, str]:
        local: dict[str, str] = {}
        for name, value in attributes.items():
            if name == "xmlns" or name.startswith("xmlns:"):
                continue
            short = self._local_names.get(name) or self._local(name)
            if short == name:
                self._plain.add(name)
                local[short] = value
            else:
                local.setdefault(short, value)
        return local

    def _local(self, name: str) -> str:
        if len(name) > MAX_NAME:
            raise _too_large(f"{MAX_NAME} characters in a name")
        if len(self._local_names) == MAX_NAMES:
            raise _too_large(f"{MAX_NAMES:,} different names")
        local = self._local_names[name] = name.rpartition(":")[2]
        return local


def _joined(pieces: list[str]) -> str:
    """Return an element's text; of one that is too long the beginning, which is too long as well."""
    if len(pieces) > _FEW and sum(map(len, pieces)) > MAX_TEXT:
        pieces = _without_white_ends(pieces)
        for count, length in enumerate(accumulate(map(len, pieces[:-1])), 1):
            if length > MAX_TEXT:
                return "".join(pieces[:count])
    return "".join(pieces).strip()


def _without_white_ends(pieces: list[str]) -> list[str]:
    """Return pieces of a text without white space before it, and without pieces of nothing else after it."""
    kept = list(dropwhile(str.isspace, reversed(list(dropwhile(str.isspace, pieces)))))[::-1]
    return [kept[0].lstrip(), *kept[1:]] if kept else []


def _too_large(bound: str) -> EventError:
    return EventError("event-too-large", f"the PosLog has more than {bound}")
