"""Which orders a PosLog concerns, by the rules of a filter."""

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.proxy.poslogs import parsed
from tenantproxy.config_poslog import Kind, PoslogFilter, PoslogRule, PropertyCondition
from tenantproxy.poslog.elements import Element
from tenantproxy.poslog.rules.compile import MAX_LINES, MAX_ORDERS, Filter, FilterError, TooLargeError
from tenantproxy.poslog.rules.paths import Needed


def _rule(element: str, *order_id: str, name: str = "own", **more: Any) -> PoslogRule:
    return PoslogRule(name=name, element=element, order_id=order_id, **more)


def _ids(rules: list[PoslogRule], xml: str, **more: Any) -> list[str]:
    entries = Filter(PoslogFilter(rules=tuple(rules), **more)).entries(parsed(xml))
    return [entry.order_id for entry in entries]


LINE = "<RetailTransaction><LineItem>{}</LineItem></RetailTransaction>"


@pytest.mark.parametrize(
    ("path", "xml"),
    [
        ("Order", "<Sale><Order> 7 </Order></Sale>"),
        ("Order/Number", "<Sale><Order/><Order><Number/><Number>7</Number></Order></Sale>"),
        ("@order", '<Sale order=" 7 "/>'),
        ("Order/@id", '<Sale><Order id=" "/><Order id="7"/></Sale>'),
        (
            "Property[Ext:Order]",
            '<Sale><Property TypeCode="b">1</Property><Property TypeCode="Ext:Order">7</Property></Sale>',
        ),
        ("Order/Property[b]", '<Sale><Order><Property TypeCode="b">7</Property></Order></Sale>'),
        (".", "<Sale>7</Sale>"),
        ("/RetailTransaction/LineItem/Sale", "<Sale>7</Sale>"),
        ("/@number", "<Sale/>"),
    ],
)
def test_where_an_id_is(path: str, xml: str) -> None:
    """Each kind of path leads to the first text that is there."""
    xml = f'<POSLog><Transaction number="7">{LINE.format(xml)}</Transaction></POSLog>'
    assert _ids([_rule("Sale", path)], xml) == ["7"]
    other = "x" if path == "." else f"{path}x".replace("]x", "x]")
    assert _ids([_rule("Sale", other)], xml) == []


def test_conditions() -> None:
    """All that a rule says must hold, of the same element."""
    rule = _rule(
        "LineItem/Sale",
        "Order",
        attributes={"Status": ("A", "B")},
        property=PropertyCondition(type_code="Kind", values=("x", "y")),
    )
    fits = '<Sale Status="B"><Order>7</Order><Property TypeCode="Kind">y</Property></Sale>'
    assert _ids([rule], LINE.format(fits)) == ["7"]
    for wrong in (
        fits.replace('"B"', '"C"'),
        fits.replace("Status", "State"),
        fits.replace("Kind", "Sort"),
        fits.replace(">y<", ">z<"),
        fits.replace("Sale", "Return"),
        f"<Kit>{fits}</Kit>",
        '<Sale Status="B"><Order>7</Order></Sale><Sale><Property TypeCode="Kind">y</Property></Sale>',
    ):
        assert _ids([rule], LINE.format(wrong)) == [], wrong


def test_an_id_is_as_the_pattern_says() -> None:
    """What is not is looked over, as is a text without end."""
    rule = _rule("Sale", "Order", "@order")
    xml = LINE.format('<Sale order="CO-1"><Order>12</Order><Order>CO-12</Order></Sale>')
    assert _ids([rule], xml) == ["12"]
    assert _ids([rule], xml, order_id_pattern="CO-[0-9]{2}") == ["CO-12"]
    assert _ids([rule], xml, order_id_pattern="CO-[0-9]") == ["CO-1"]
    assert _ids([rule], LINE.format(f'<Sale order="7"><Order>{"1" * 257}</Order></Sale>')) == ["7"]


def test_the_first_rule_of_an_element_counts() -> None:
    """So that a rule without conditions can stand last."""
    rules = [
        _rule("Sale", "Order", name="given", attributes={"Status": ("A",)}, kind="cancelled"),
        _rule("Sale", "Order", name="any", kind="picked-up"),
    ]
    compiled = Filter(PoslogFilter(rules=tuple(rules)))
    [entry] = compiled.entries(parsed(LINE.format('<Sale Status="A"><Order>7</Order></Sale>')))
    assert (entry.kind, entry.rule) == ("cancelled", "given")


def test_an_order_is_told_once() -> None:
    """With the most telling kind, wherever it stands, and all its lines; other orders by themselves."""
    xml = """<RetailTransaction TransactionStatus="Finished"><SpecialOrderNumber>7</SpecialOrderNumber>
        <LineItem><Return><SpecialOrderNumber>7</SpecialOrderNumber></Return></LineItem>
        <LineItem><Sale><SpecialOrderNumber>8</SpecialOrderNumber></Sale></LineItem>
        <LineItem><Sale><SpecialOrderNumber>7</SpecialOrderNumber></Sale></LineItem></RetailTransaction>"""
    first, second = Filter(PoslogFilter()).entries(parsed(xml))
    assert (first.order_id, first.kind, first.rule) == ("7", "picked-up", "sale")
    assert first.path == "/POSLog/Transaction/RetailTransaction/LineItem[3]/Sale/SpecialOrderNumber"
    assert [(line.item.children[0].name, line.kind) for line in first.lines] == [
        ("Return", "returned"),
        ("Sale", "picked-up"),
    ]
    assert (second.order_id, second.kind, len(second.lines), second.status) == ("8", "picked-up", 1, "Finished")


@pytest.mark.parametrize("kinds", [("other", "paid"), ("paid", "other")])
def test_a_line_that_is_found_twice(kinds: tuple[Kind, Kind]) -> None:
    """Is told once, as what tells most."""
    rules = (
        _rule("LineItem", "Sale/Order", name="line", kind=kinds[0]),
        _rule("Sale", "Order", name="sale", kind=kinds[1]),
    )
    xml = LINE.format("<Sale><Order>7</Order></Sale>")
    [entry] = Filter(PoslogFilter(rules=rules)).entries(parsed(xml))
    assert (entry.kind, [line.kind for line in entry.lines]) == ("paid", ["paid"])


def test_an_order_of_the_whole_transaction() -> None:
    """Comes with all lines that have an item and were not taken back."""
    xml = """<RetailTransaction><SpecialOrderNumber>7</SpecialOrderNumber>
        <LineItem><Sale><ItemID>1</ItemID></Sale></LineItem>
        <LineItem VoidFlag="true"><Sale><ItemID>2</ItemID></Sale></LineItem>
        <LineItem><Tender><Amount>1</Amount></Tender></LineItem></RetailTransaction>
        <RetailTransaction><LineItem><Sale><ItemID>3</ItemID></Sale></LineItem></RetailTransaction>"""
    [entry] = Filter(PoslogFilter()).entries(parsed(xml))
    assert [line.item.children[0].text_of("ItemID") for line in entry.lines] == ["1"]
    [entry] = Filter(PoslogFilter(rules=(_rule("Transaction", "/@id"),))).entries(
        parsed(f'<POSLog><Transaction id="7">{xml}</Transaction></POSLog>')
    )
    assert [line.item.children[0].text_of("ItemID") for line in entry.lines] == ["1", "3"]


def test_each_transaction_by_itself() -> None:
    """The same order in two of them is two entries, each with its transaction."""
    part = "<RetailTransaction><SpecialOrderNumber>7</SpecialOrderNumber></RetailTransaction>"
    xml = f"<POSLog><Other/><Transaction>{part}</Transaction><Transaction>{part}{part}</Transaction></POSLog>"
    entries = Filter(PoslogFilter()).entries(parsed(xml))
    assert [entry.path for entry in entries] == [
        "/POSLog/Transaction[1]/RetailTransaction/SpecialOrderNumber",
        "/POSLog/Transaction[2]/RetailTransaction[1]/SpecialOrderNumber",
    ]


PICKUP = (
    "<POSLog><Transaction {0}><RetailTransaction {1}><LineItem {2}>"
    '<CustomerOrderForPickup OrderStatus="Completed"><InventoryReservationID>7</InventoryReservationID>'
    "</CustomerOrderForPickup></LineItem></RetailTransaction></Transaction></POSLog>"
)


@pytest.mark.parametrize(
    ("where", "flag"),
    [
        *((0, f'TrainingModeFlag="{value}"') for value in ("true", "1", " true\n")),
        (0, 'CancelFlag="true"'),
        *((1, f'TransactionStatus="{value}"') for value in ("Suspended", "Voided", " Canceled ", "InProcess")),
        *((2, f'{name}="true"') for name in ("VoidFlag", "CancelFlag", "DeleteFlag")),
    ],
)
def test_what_did_not_happen(where: int, flag: str) -> None:
    """Training, unfinished transactions, and lines that were taken back concern no order."""
    parts = ["", "", ""]
    assert len(Filter(PoslogFilter()).entries(parsed(PICKUP.format(*parts)))) == 1
    parts[where] = flag
    assert Filter(PoslogFilter()).entries(parsed(PICKUP.format(*parts))) == ()
    parts[where] = re.sub(r'"\s*(true|1)\s*"', '"false"', flag) if where != 1 else 'TransactionStatus="Finished"'
    assert len(Filter(PoslogFilter()).entries(parsed(PICKUP.format(*parts)))) == 1


def test_a_line_in_one_that_was_taken_back() -> None:
    """Did not happen either."""
    line = "<LineItem {}><LineItem><Sale><SpecialOrderNumber>7</SpecialOrderNumber></Sale></LineItem></LineItem>"
    for flag, count in (('VoidFlag="true"', 0), ('VoidFlag="false"', 1)):
        xml = parsed(f"<RetailTransaction>{line.format(flag)}</RetailTransaction>")
        assert len(Filter(PoslogFilter()).entries(xml)) == count


def test_training_counts_where_it_is_asked_for() -> None:
    """As in a test tenant."""
    xml = parsed(PICKUP.format('TrainingModeFlag="true"', "", ""))
    assert len(Filter(PoslogFilter(training=True)).entries(xml)) == 1


def test_a_transaction_that_was_undone() -> None:
    """Is told, but not as what it undoes."""
    [entry] = Filter(PoslogFilter()).entries(parsed(PICKUP.format("", 'TransactionStatus="PostVoided"', "")))
    assert (entry.kind, entry.status, [line.kind for line in entry.lines]) == ("voided", "PostVoided", ["voided"])


def test_bounds() -> None:
    """More orders, or lines, than one event may concern are refused, and cost time in proportion."""
    line = "<LineItem><Sale><ItemID>1</ItemID><SpecialOrderNumber>{}</SpecialOrderNumber></Sale></LineItem>"
    compiled = Filter(PoslogFilter())

    def entries(lines: str) -> int:
        return len(compiled.entries(parsed(f"<RetailTransaction>{lines}</RetailTransaction>")))

    orders = "".join(line.format(number) for number in range(MAX_ORDERS))
    assert entries(orders) == MAX_ORDERS
    with pytest.raises(TooLargeError, match="more than 100 customer orders"):
        entries(orders + line.format("another"))
    whole = f"<Transaction><RetailTransaction>{orders}</RetailTransaction></Transaction>"
    one = f"<Transaction><RetailTransaction>{line.format(0)}</RetailTransaction></Transaction>"
    with pytest.raises(TooLargeError, match="more than 100 customer orders"):
        compiled.entries(parsed(f"<POSLog>{whole}{one}</POSLog>"))
    assert entries(line.format(1) * MAX_LINES) == 1
    with pytest.raises(TooLargeError, match="more than 5000 lines of customer orders"):
        entries(line.format(1) * (MAX_LINES + 1))
    with pytest.raises(TooLargeError, match="5000 lines"):
        entries(line.format(1) * MAX_LINES + line.format(2))
    whole = "<LineItem><Sale><ItemID>1</ItemID></Sale></LineItem>"
    assert entries("<SpecialOrderNumber>7</SpecialOrderNumber>" + whole * MAX_LINES) == 1
    with pytest.raises(TooLargeError, match="5000 lines"):
        entries("<SpecialOrderNumber>7</SpecialOrderNumber>" + whole * (MAX_LINES + 1))


def test_many_lines_don_t_each_look_through_all_others() -> None:
    """A path from the transaction is followed once."""
    line = Element("LineItem", {}, "", (Element("CustomerOrderForPickup", {}, "", ()),))
    part = Element("RetailTransaction", {}, "", (line,) * 20_000)
    root = Element("POSLog", {}, "", (Element("Transaction", {}, "", (part,)),))
    start = time.process_time()
    assert Filter(PoslogFilter()).entries(root) == ()
    assert time.process_time() - start < 5, "of CPU; each looking through all would take minutes"


def test_unusable_rules() -> None:
    """Are told by field."""
    with pytest.raises(FilterError, match=r"^filter\.rules\[0\]\.orderId has 0 paths; give one to 4$"):
        Filter(PoslogFilter(rules=(_rule("Sale"),)))


def test_needed_names_any_one_of_the_ways() -> None:
    """Each path of an id is a way of its own; ways that contain another one say nothing more."""
    rules = (
        _rule("LineItem/Sale", "A/@b", "Property[C:d]", name="one", attributes={"e": ("x",)}),
        _rule("Sale", "A/@b", name="two"),
    )
    assert Filter(PoslogFilter(rules=rules)).needed == (
        Needed(frozenset({"Sale", "A", "b"}), frozenset()),
        Needed(frozenset({"LineItem", "Sale", "e", "Property", "TypeCode"}), frozenset({"C:d"})),
    )


NAMES = ["Transaction", "RetailTransaction", "LineItem", "Sale", "Property", "A"]
_ATTRIBUTES = st.dictionaries(st.sampled_from(["TypeCode", "b"]), st.sampled_from(["c", "d", ""]), max_size=2)
_ELEMENTS = st.recursive(
    st.builds(Element, st.sampled_from(NAMES), _ATTRIBUTES, st.sampled_from(["", "1", "2"]), st.just(())),
    lambda children: st.builds(
        Element,
        st.sampled_from(NAMES),
        _ATTRIBUTES,
        st.sampled_from(["", "1"]),
        st.lists(children, max_size=3).map(tuple),
    ),
    max_leaves=6,
)
_PATHS = st.sampled_from([".", "@b", "A", "A/@b", "Property[c]", "/RetailTransaction/@b", "/A", "A/A"])
_RULES = st.builds(
    PoslogRule,
    name=st.sampled_from(["one", "two"]),
    element=st.sampled_from([*NAMES, "LineItem/Sale", "A/A"]),
    order_id=st.lists(_PATHS, min_size=1, max_size=3).map(tuple),
    attributes=st.sampled_from([{}, {"b": ("c",)}]),
    property=st.sampled_from([None, PropertyCondition(type_code="c")]),
)


@given(
    rules=st.lists(_RULES, min_size=1, max_size=2, unique_by=lambda rule: rule.name), children=st.lists(_ELEMENTS)
)
def test_a_document_with_an_order_has_what_is_needed(rules: list[PoslogRule], children: list[Element]) -> None:
    """Whatever the rules and the document: and the path that is told leads to the order's id."""
    root = Element("POSLog", {}, "", (Element("Transaction", {}, "", tuple(children)),))
    compiled = Filter(PoslogFilter(rules=tuple(rules)))
    entries = compiled.entries(root)
    elements = list(root.descendants())
    names = {each.name for each in elements} | {name for each in elements for name in each.attributes}
    codes = {each.attributes.get("TypeCode") for each in elements}
    if entries:
        assert any(each.names <= names and each.codes <= codes for each in compiled.needed)
    assert len({entry.order_id for entry in entries}) == len(entries)
    for entry in entries:
        assert _at(root, entry.path) == entry.order_id


def _at(root: Element, path: str) -> str:
    """Follow a path, as a reader of XPath would."""
    here = root
    for step in path.split("/")[2:]:
        if step.startswith("@"):
            return here.attributes[step[1:]]
        name, _, number = step.rstrip("]").partition("[")
        found = [each for each in here.children if each.name == name]
        assert bool(number) == (len(found) > 1)
        here = found[int(number or 1) - 1]
    return here.text
