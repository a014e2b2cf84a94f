"""XML to a tree: as it is written, within bounds, and nothing from outside."""

import tracemalloc
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.proxy.random_poslog import Writer, poslog
from tenantproxy.poslog.elements import Element
from tenantproxy.poslog.intake.errors import EventError
from tenantproxy.poslog.intake.parser import MAX_DEPTH, MAX_NAME, MAX_NAMES, MAX_NODES, MAX_TAG, MAX_TEXT, parse

MIB = 1024 * 1024


def _wrong(xml: bytes, code: str = "malformed-event") -> str:
    with pytest.raises(EventError) as raised:
        parse(xml)
    assert raised.value.code == code
    return raised.value.detail


@given(st.integers())
def test_any_document(seed: int) -> None:
    """A tree is read as it was written: prefixes, quotes, CDATA, comments, references, encodings."""
    random = Random(seed)  # noqa: S311 - test data
    root = poslog(random)
    assert parse(Writer(random).write(root)) == root


def test_names() -> None:
    """Prefixes and namespaces are left out; of two names that are one then, that without a prefix counts."""
    xml = b"""<p:a xmlns="u" xmlns:p="v" p:x="1" x="2" q:y="3" y="4" z="5" p:z="6" p:w="7" q:w="8" xmlnsx="9"/>"""
    assert parse(xml) == Element("a", {"x": "2", "y": "4", "z": "5", "w": "7", "xmlnsx": "9"}, "", ())
    assert parse(b"""<a><b p:x="1"/><b x="2" p:x="3"/><b x="4"/></a>""").children == (
        Element("b", {"x": "1"}, "", ()),
        Element("b", {"x": "2"}, "", ()),
        Element("b", {"x": "4"}, "", ()),
    )


def test_text() -> None:
    """A text has no white space around it, is whole though it is long, and may stand around children."""
    assert parse(b"<a>\n <b> x y\n</b> </a>").children == (Element("b", {}, "x y", ()),)
    assert parse(b"<a> x <b/> y </a>").text == "x  y"
    for long in ("x å " * 20_000, f"x{' ' * 20_000}y"):
        assert parse(f"<a> {long} </a>".encode()).text == long.strip()


WHITE = "\n  " * MAX_TEXT


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        (WHITE, ""),
        (f"{WHITE}7{WHITE}", "7"),
        (f"{WHITE}<b/>7<b/>{WHITE}", "7"),
        (f"7{WHITE}8", "7\n  \n"),
        (f"{WHITE}7<b/>{WHITE}8", "7\n  \n"),
        ("\u00e57" * 4 * MAX_TEXT, "\u00e57\u00e57"),
    ],
)
def test_a_text_without_end(text: str, beginning: str) -> None:
    """Of a text that is too long the beginning is kept, which is no shorter text; white space does not count."""
    kept = parse(f"<a>{text}<b/></a>".encode()).text
    assert kept.startswith(beginning)
    assert (len(kept) > MAX_TEXT) == (len(beginning) > 1)
    assert len(kept) < 2 * MAX_TEXT


@pytest.mark.parametrize(
    "xml",
    [
        *(b"", b" ", b"x", b"<", b"<a>", b"<a></b>", b"<a/><b/>", b"<a/>x", b"x<a/>", b"<a b=1/>", b"<a b/>"),
        *(b"<a><b></a></b>", b"<a b='1' b='2'/>", b"<a>&b;</a>", b"<a>&#0;</a>", b"<a>&#xD800;</a>", b"<a>\0</a>"),
        *(b"<a>\xff</a>", b"<a>]]></a>", b"<a><!-- -- --></a>", b"<1/>", b"<a b='<'/>", b"<a>\x1a</a>"),
        *(b"<a><![CDATA[</a>", b"\xff\xfe<\0a\0", "<a/>".encode("utf-32"), b" <?xml version='1.0'?><a/>"),
        b"<?xml version='1.0' encoding='UTF-16'?><a/>",
        b"<?xml version='1.0' encoding='us-ascii'?><a>\xe5</a>",
    ],
)
def test_malformed(xml: bytes) -> None:
    """What is not well-formed is refused, with the line and without any of its content."""
    assert _wrong(xml).startswith("the PosLog is not well-formed XML: ")


@pytest.mark.parametrize(
    "encoding", ["utf-7", "cp037", "windows-1252", "utf-32", "idna", "zlib", "x", "shift_jis"]
)
def test_other_encoding(encoding: str) -> None:
    """Encodings of which others may read something else are refused."""
    assert "encoding" in _wrong(f"<?xml version='1.0' encoding='{encoding}'?><a/>".encode())


ENTITIES = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "declared",
    [
        "<!DOCTYPE a>",
        "<!DOCTYPE a []>",
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x.dtd'>",
        "<!DOCTYPE a PUBLIC 'x' 'file:///etc/passwd'>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>",
        "<!DOCTYPE a [<!ENTITY % x SYSTEM 'http://127.0.0.1:1/'> %x;]>",
        f"<!DOCTYPE a [<!ENTITY x0 'ha'>{ENTITIES}]>",
        f"<!DOCTYPE a [<!ENTITY x '{'x' * 100_000}'>]>",
        "<!DOCTYPE a [<!ATTLIST a b CDATA 'x'>]>",
        "<!-- --> <!DOCTYPE a>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_type(declared: str, encoding: str) -> None:
    """No document type declaration is read: so there are no entities, and nothing from outside."""
    assert "document type declaration" in _wrong(f"{declared}<a>{'&x9;&x;' * 1000}</a>".encode(encoding))


def test_depth() -> None:
    """Elements nest as deeply as the bound says, and no deeper."""
    parse(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH)
    assert "levels" in _wrong(b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1), "event-too-large")


def test_names_are_bounded() -> None:
    """A name has as many characters as the bound says, and a document as many names."""
    name = b"x" * MAX_NAME
    parse(b"<a><%b %b=''/></a>" % (name, name))
    assert "in a name" in _wrong(b"<a><%bx/></a>" % name, "event-too-large")
    assert "in a name" in _wrong(b"<a %bx=''/>" % name, "event-too-large")
    names = b"".join(b"<a%d/>" % number for number in range(1, MAX_NAMES))
    parse(b"<a>%b</a>" % names)
    assert "names" in _wrong(b"<a>%b<b/></a>" % names, "event-too-large")
    assert "names" in _wrong(b"<a>%b<a1 b=''/></a>" % names, "event-too-large")


def test_nodes() -> None:
    """There are as many elements and attributes as the bound says, of whichever kind."""
    assert len(parse(b"<a>%b</a>" % (b"<a b=''/>" * (MAX_NODES // 2 - 1))).children) == MAX_NODES // 2 - 1
    assert "elements" in _wrong(b"<a>%b</a>" % (b"<a b=''/>" * (MAX_NODES // 2)), "event-too-large")


@pytest.mark.parametrize(
    "xml",
    [
        b"<a %b/>" % b" ".join(b"a%x=''" % number for number in range(MAX_TAG // 4)),
        b"<a>%b/></a>" % (b"<" + b"a" * 3 * MAX_TAG),
        b"<a b='%b'/>" % (b"x" * 3 * MAX_TAG),
        b"<a><!--%b--></a>" % (b"x" * 3 * MAX_TAG),
        b"<a/><?x %b?>" % (b"x" * 3 * MAX_TAG),
        f"<a b='{'x' * 3 * MAX_TAG}'/>".encode("utf-16"),
    ],
    ids=["attributes", "name", "value", "comment", "instruction", "utf-16"],
)
def test_tag(xml: bytes) -> None:
    """A tag or a comment that is long is refused before it is read: it takes memory as a whole."""
    tracemalloc.start()
    try:
        assert "in a tag or comment" in _wrong(xml, "event-too-large")
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


def test_a_wide_text() -> None:
    """A character outside of the basic plane here and there makes four bytes of each other one, but only once."""
    text = f"{chr(0x1F600)}{'x' * 3000} " * 1000
    xml = f"<a> {text}<b/></a>".encode()
    del text
    tracemalloc.start()
    try:
        parse(xml)
        assert tracemalloc.get_traced_memory()[1] < 6 * len(xml)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("begin", range(0, 12, 3))
def test_pieces(begin: int) -> None:
    """Where the bytes are parted in between says nothing of what is read."""
    pad = "å" * (MAX_TAG // 2 - 30) + "x" * begin
    xml = f"<a><b>{pad}</b><c d='€'>x&amp;y<![CDATA[&amp;]]></c></a>".encode()
    assert parse(xml).children == (Element("b", {}, pad, ()), Element("c", {"d": "€"}, "x&y&amp;", ()))


@given(st.integers(), st.binary(min_size=1, max_size=3), st.floats(0, 1, exclude_max=True))
def test_damaged(seed: int, put: bytes, at: float) -> None:
    """Whatever bytes there are, a tree comes of it, or a stated error."""
    random = Random(seed)  # noqa: S311 - test data
    xml = Writer(random).write(poslog(random))
    where = int(at * len(xml))
    for damaged in (xml[:where] + put + xml[where + len(put) :], xml[:where], xml[where:]):
        try:
            assert isinstance(parse(damaged), Element)
        except EventError as error:
            assert len(error.detail) < 120  # noqa: PT017 - or this
