"""Of each rule it is told where it matches, or why it does not; and where a text is."""

from support.proxy.poslogs import parsed
from tenantproxy.config_poslog import PoslogFilter, PoslogRule
from tenantproxy.poslog.rules.compile import Filter
from tenantproxy.poslog.rules.explanation import (
    MAX_PLACES,
    Matched,
    Missed,
    Place,
    RuleExplanation,
    explain,
    find,
)

LINES = "/POSLog/Transaction/RetailTransaction"
RULES = (
    PoslogRule(name="b", element="Sale", order_id=("Order",), attributes={"Is": ("b",)}, kind="paid"),
    PoslogRule(name="any", element="LineItem/Sale", order_id=("Order", "@order"), kind="picked-up"),
    PoslogRule(name="same", element="Sale", order_id=("Order",), attributes={"Is": ("b",)}),
    PoslogRule(name="return", element="Return", order_id=("Order",)),
)


def test_each_rule() -> None:
    """Matches with the order, misses by reason with the first place, and elements that are not there."""
    lines = ['<Sale Is="b"><Order>7</Order></Sale>', "<Sale/>", '<Sale order="8"/>', "<Sale/>", "<Sale/>"]
    xml = "".join(f"<LineItem>{line}</LineItem>" for line in lines)
    compiled = Filter(PoslogFilter(rules=RULES))
    [told] = explain(
        compiled, parsed(f'<RetailTransaction TransactionStatus="Finished">{xml}</RetailTransaction>')
    )
    assert (told.why_not, told.transaction.status) == (None, "Finished")
    assert told.rules == [
        RuleExplanation(
            "b",
            "Sale",
            [Matched(f"{LINES}/LineItem[1]/Sale/Order", "7", "paid")],
            [Missed("it has no @Is", f"{LINES}/LineItem[2]/Sale", 4)],
        ),
        RuleExplanation(
            "any",
            "LineItem/Sale",
            [Matched(f"{LINES}/LineItem[3]/Sale/@order", "8", "picked-up")],
            [Missed("no order id at Order or @order", f"{LINES}/LineItem[2]/Sale", 3)],
        ),
        RuleExplanation("same", "Sale", [], [Missed("it has no @Is", f"{LINES}/LineItem[2]/Sale", 3)]),
        RuleExplanation("return", "Return"),
    ]
    assert {order.order_id for order in compiled.entries(parsed(f"<R>{xml}</R>"))} == {"7", "8"}


def test_a_rule_that_is_not_asked() -> None:
    """As an earlier one matches wherever its element is."""
    xml = '<LineItem><Sale Is="b"><Order>7</Order></Sale></LineItem>'
    [told] = explain(Filter(PoslogFilter(rules=RULES)), parsed(xml))
    assert [rule.not_asked for rule in told.rules] == [False, True, True, False]


def test_a_transaction_that_does_not_count() -> None:
    """Is told as such; what its rules say is told all the same."""
    xml = (
        '<POSLog><Transaction TrainingModeFlag="true"><Sale Is="b"><Order>7</Order></Sale></Transaction></POSLog>'
    )
    [told] = explain(Filter(PoslogFilter(rules=RULES)), parsed(xml))
    assert told.why_not == "the till is in training mode (TrainingModeFlag)"
    assert told.rules[0].matched


def test_where_a_text_is() -> None:
    """In texts and attributes, alone or in longer ones, up to a number."""
    xml = '<A b="CO-1"><Property TypeCode="x">order CO-1 of today</Property></A><A>CO-2</A>'
    assert find(parsed(xml), "CO-1") == [
        Place("/POSLog/Transaction/A[1]/@b", "CO-1"),
        Place("/POSLog/Transaction/A[1]/Property", "order CO-1 of today", "x"),
    ]
    assert len(find(parsed("<A>CO-1</A>" * 50), "CO")) == MAX_PLACES
