"""The look at a PosLog's bytes: never a no where a rule matches, and a no for what tills mostly send."""

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.proxy.random_poslog import FILTERS, Writer, codes_in, names_in, poslog
from tenantproxy.config_poslog import PoslogFilter
from tenantproxy.poslog.intake.parser import parse
from tenantproxy.poslog.intake.precheck import Precheck
from tenantproxy.poslog.rules.compile import Filter
from tenantproxy.poslog.rules.paths import Needed
from tenantproxy.poslog.sending.samples import sample

COMPILED = [Filter(each) for each in FILTERS]
PRECHECKS = [Precheck(each.needed) for each in COMPILED]
DEFAULT = Precheck(Filter(PoslogFilter()).needed)
SALE = (
    "<POSLog><Transaction><RetailTransaction><LineItem><Sale/></LineItem></RetailTransaction></Transaction>"
    "</POSLog>"
)


def _sample(name: str) -> bytes:
    return sample(name, order="CO-1", business_unit="1", number=1, end=datetime(2026, 11, 30, tzinfo=UTC))


def _code(*codes: str) -> Precheck:
    return Precheck([Needed(frozenset({"Property"}), frozenset(codes))])


@given(st.integers())
def test_no_false_negative(seed: int) -> None:
    """Where a rule matches, the look says yes, in whatever way the PosLog is written."""
    random = Random(seed)  # noqa: S311 - test data
    xml = Writer(random, plain=random.random() < 0.2).write(poslog(random))
    root = parse(xml)
    for compiled, precheck in zip(COMPILED, PRECHECKS, strict=True):
        assert precheck.may_concern(xml) or not compiled.entries(root)


@given(st.integers())
def test_all_words(seed: int) -> None:
    """The look says yes where all is that something needs; what tills write gets a no where a name is missing."""
    random = Random(seed)  # noqa: S311 - test data
    root = poslog(random)
    names, codes = names_in(root) - {"Ä"}, sorted(set(codes_in(root)) & {"A1", "order-id", "CUSTOMER_ORDER"})
    some = frozenset(random.sample(sorted(names), random.randint(1, len(names))))
    needed = Needed(some, frozenset(random.sample(codes, random.randint(0, len(codes)))))
    assert Precheck([Needed(frozenset({"Nowhere"}), frozenset()), needed]).may_concern(Writer(random).write(root))
    more = Precheck([needed.with_(Needed(frozenset({"Nowhere"}), frozenset()))])
    assert not more.may_concern(Writer(random, plain=True).write(root))


def test_the_properties_say_something() -> None:
    """Of random PosLogs enough are relevant, and enough are told not to be."""
    seen: Counter[tuple[int, bool, bool]] = Counter()
    for seed in range(200):
        random = Random(seed)  # noqa: S311 - test data
        xml = Writer(random, plain=random.random() < 0.2).write(poslog(random))
        root = parse(xml)
        seen.update(
            (index, bool(COMPILED[index].entries(root)), PRECHECKS[index].may_concern(xml))
            for index in range(len(FILTERS))
        )
    for index in range(len(FILTERS)):
        assert seen[index, True, True] > 10
        assert seen[index, False, False] > 10


@pytest.mark.parametrize(
    ("name", "may"), [("pickup", True), ("cancel", True), ("training", True), ("sale", False), ("login", False)]
)
def test_samples(name: str, *, may: bool) -> None:
    """Sales and logins needn't be parsed."""
    assert DEFAULT.may_concern(_sample(name)) is may


@pytest.mark.parametrize(
    "xml",
    [
        SALE,
        f"\ufeff{SALE}",
        f"<?xml version='1.0' encoding='UTF-8' standalone=\"yes\" ?>\r\n{SALE}\n\n",
        f'<?xml version="1.0" encoding="Iso-8859-1"?>{SALE}',
        f'<?xml version="1.0"?>\n{SALE}',
        SALE.replace("POSLog", "ns0:POSLog"),
        SALE.replace("<POSLog>", "<POSLog\n xmlns='urn:x'>"),
        SALE.replace("<Sale/>", "<Sale><!-- SpecialOrder --> €</Sale>"),
    ],
)
def test_usual(xml: str) -> None:
    """What tills write needn't be parsed where nothing in it concerns an order."""
    assert not DEFAULT.may_concern(xml.encode())


@pytest.mark.parametrize(
    "xml",
    [
        *(b"", b"x", SALE.encode("utf-16"), SALE.encode("utf-16-le"), SALE.encode("utf-32")),
        f"<!DOCTYPE POSLog>{SALE}".encode(),
        f"<?xml version='1.0'?><!DOCTYPE POSLog [<!ENTITY x 'y'>]>{SALE}".encode(),
        f"<?xml version='1.0' encoding='windows-1252'?>{SALE}".encode(),
        f"<?xml version='1.0' encoding='utf-7'?>{SALE}".encode(),
        f"<?xml version='1.1'?>{SALE}".encode(),
        f" x{SALE}".encode(),
        f"\ufeffx{SALE}".encode(),
        SALE[:-1].encode(),
        SALE.replace("</POSLog>", "").encode(),
        f"{SALE}{SALE[:-9]}".encode(),
        f"{SALE}<!-- -->".encode(),
        f"{SALE}\0".encode(),
        SALE.replace("</POSLog>", "</Poslog>").encode(),
        SALE.replace("POSLog", "html").encode(),
        SALE.replace("<POSLog>", "<x:POSLog>").encode(),
        SALE.encode() + b" " * 100,
    ],
)
def test_unusual(xml: bytes) -> None:
    """Whatever else is parsed, so that what is malformed is found."""
    assert DEFAULT.may_concern(xml)


@pytest.mark.parametrize("written", ["A&#66;1", "A&#x42;1", "&#0065;B1", "AB&#x0031;", "&#x41;&#66;&#49;"])
def test_references(written: str) -> None:
    """A code may be written with references, to any of its characters."""
    xml = SALE.replace("<Sale/>", f"<Property TypeCode='{written}'/>").encode()
    assert _code("AB1").may_concern(xml)


@pytest.mark.parametrize("written", ["&#13;", "&#xD;", "&#10;", "&#8364;", "&#x20AC;", "&#xe5;", "&amp;", "&lt;"])
def test_other_references(written: str) -> None:
    """References that receipts are full of are to no character of a code."""
    xml = SALE.replace("<Sale/>", f"<Property TypeCode='B'>{written}</Property>").encode()
    assert not _code("AB1").may_concern(xml)
    assert _code("B").may_concern(xml)
    assert not _code("B", "AB1").may_concern(xml)


def test_every_character_of_a_code() -> None:
    """The characters that codes can have are all among those whose references count."""
    for char in map(chr, range(33, 127)):
        for reference in (f"&#{ord(char)};", f"&#x{ord(char):x};", f"&#x{ord(char):X};"):
            xml = SALE.replace("<Sale/>", f"<Property TypeCode='{reference}'/>").encode()
            assert _code("AB1").may_concern(xml), reference
