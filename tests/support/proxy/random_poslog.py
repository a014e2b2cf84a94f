"""Random PosLogs, in which the usual rules often find something, written in all ways that XML has for the same.

By `random` rather than by strategies, which take ten times as long to draw the same; a seed tells all of it.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

from tenantproxy.config_poslog import PoslogFilter, PoslogRule, PropertyCondition
from tenantproxy.poslog.elements import Element

CODES: Final = ("CUSTOMER_ORDER", "order-id", "A1", "web.order:no")
NAMES: Final = (
    *(
        "Sale",
        "LineItem",
        "Return",
        "Property",
        "Name",
        "ItemID",
        "CustomerOrderForPickup",
        "PreviousCustomerOrder",
    ),
    *("InventoryReservationID", "SpecialOrderNumber", "SaleForPickup", "CustomerOrderForDelivery", "Order", "Ä"),
)
ATTRIBUTES: Final = ("TypeCode", "OrderStatus", "Action", "order-id", "Name", "VoidFlag")
VALUES: Final = (*CODES, "Completed", "Canceled", "CO-1", "", "a & b", "<'\">", "x\ty", "å", "€")
TEXTS: Final = ("", "", "CO-1", "7", "a & b ]]> <Sale>", "å", "€😀", "two\nlines", "CustomerOrderForPickup")
FILTERS: Final = (
    PoslogFilter(),
    PoslogFilter(rules=(PoslogRule(name="text", element="SpecialOrderNumber", order_id=(".",)),)),
    PoslogFilter(
        rules=(PoslogRule(name="code", element="Sale", order_id=("Property[CUSTOMER_ORDER]", "Property[A1]")),)
    ),
    PoslogFilter(
        rules=(
            PoslogRule(
                name="property",
                element="LineItem",
                order_id=("Order/@order-id", "Order", "ItemID"),
                property=PropertyCondition(type_code="order-id"),
            ),
            PoslogRule(
                name="attribute", element="Return", order_id=("@Name",), attributes={"Action": ("Completed",)}
            ),
        )
    ),
)
"""By names, by attributes, and by `TypeCode`s."""
_PREFIXES: Final = ("", "", "", "e:", "Ext-2:")
_NAMED: Final = {"&": ("&amp;",), "<": ("&lt;",), ">": ("&gt;",), "'": ("&apos;",), '"': ("&quot;",)}
_NOISE: Final = ("CustomerOrderForPickup", "A1", "<Sale>", "&#65;", "å", "x")


def poslog(random: Random) -> Element:
    """Return a PosLog."""
    parts = [
        Element(
            random.choice(("RetailTransaction", "RetailTransaction", "CustomerOrderTransaction")),
            _attributes(random),
            "",
            tuple(_element(random, 4) for _ in range(random.randrange(4))),
        )
        for _ in range(random.randrange(3))
    ]
    return Element(
        "POSLog", {"MajorVersion": "6"}, "", (Element("Transaction", _attributes(random), "", tuple(parts)),)
    )


def _element(random: Random, levels: int) -> Element:
    children = [_element(random, levels - 1) for _ in range(random.randrange(4))] if levels else []
    if random.random() < 0.3:
        code = random.choice(CODES)
        order = Element("Order", {"order-id": "CO-1"}, "", ())
        children += [Element("Property", {"TypeCode": code}, "CO-1", ()), order]
    return Element(random.choice(NAMES), _attributes(random), random.choice(TEXTS), tuple(children))


def _attributes(random: Random) -> dict[str, str]:
    return {name: random.choice(VALUES) for name in random.sample(ATTRIBUTES, random.choice((0, 0, 1, 2)))}


def names_in(root: Element) -> set[str]:
    """Return the names of elements and attributes."""
    return {name for each in (root, *root.descendants()) for name in (each.name, *each.attributes)}


def codes_in(root: Element) -> set[str]:
    """Return the values of all attributes `TypeCode`."""
    return {each.attributes["TypeCode"] for each in root.descendants() if "TypeCode" in each.attributes}


class Writer:
    """Writes an element as XML, in one of all ways; `plain` as tills do."""

    def __init__(self, random: Random, *, plain: bool = False) -> None:
        self._random = random
        self._plain = plain
        self._codec, self._declared = ("utf-8", "utf-8") if plain else random.choice(_ENCODINGS)

    def write(self, root: Element) -> bytes:
        """Return a document."""
        if not all(map(str.isascii, names_in(root))) and self._codec == "ascii":
            self._codec, self._declared = "utf-8", None  # no reference can stand for a character of a name
        head = self._declaration()
        text = "".join((head, self._misc(), *self._element(root, is_root=True), self._misc()))
        return text.encode(self._codec, "xmlcharrefreplace")

    def _declaration(self) -> str:
        if self._declared is None:
            return ""
        quote = self._quote()
        name = self._random.choice((self._declared, self._declared.upper()))
        encoding = f" encoding={quote}{name}{quote}" if name else ""
        return f"<?xml version={quote}1.0{quote}{encoding}{self._space()}?>"

    def _element(self, element: Element, *, is_root: bool = False) -> Iterator[str]:
        name = self._prefix() + element.name
        yield f"<{name}"
        namespaces = {"xmlns": "urn:a", "xmlns:e": "urn:b", "xmlns:Ext-2": "urn:Sale"} if is_root else {}
        for key, value in {**namespaces, **element.attributes}.items():
            written = key if key in namespaces else self._prefix() + key
            equals = self._between("=")
            yield f" {self._space()}{written}{equals}{self._value(value)}"
        yield self._space()
        if not element.children and not element.text and self._random.random() < 0.5:
            yield "/>"
            return
        yield ">"
        at = self._random.randrange(len(element.children) + 1)
        for index, child in enumerate(element.children):
            yield self._text(element.text) if index == at else ""
            yield self._misc()
            yield from self._element(child)
            yield self._misc()
        if at == len(element.children):
            yield self._text(element.text)
        yield f"</{name}{self._space()}>"

    def _value(self, value: str) -> str:
        quote = self._quote()
        return quote + "".join(self._char(char, f"&<\t{quote}") for char in value) + quote

    def _text(self, text: str) -> str:
        pieces = []
        while text:
            size = len(text) if self._plain else self._random.randint(1, len(text))
            piece, text = text[:size], text[size:]
            can_be_cdata = "]]>" not in piece and piece.isascii()
            if not self._plain and can_be_cdata and self._random.random() < 0.3:
                pieces.append(f"<![CDATA[{piece}]]>")
            else:
                pieces.append("".join(self._char(char, "&<>") for char in piece))
            if not self._plain and self._random.random() < 0.1:
                pieces.append("<!--CustomerOrderForPickup--><?Sale A1?>")
        return "".join(pieces)

    def _char(self, char: str, special: str) -> str:
        if char in special or (not self._plain and self._random.random() < 0.1):
            references = ("&#{0};", "&#x{0:x};", "&#x{0:04X};", "&#0{0};", *2 * _NAMED.get(char, ()))
            return self._random.choice(references).format(ord(char))
        return char

    def _misc(self) -> str:
        """Return white space, comments and processing instructions; all of it could as well not be there."""
        if self._plain:
            return "\n  "
        noise = self._random.choice(_NOISE)
        return self._random.choice(("", "", "", " ", "\r\n\t", f"<!-- {noise} -->", f"<?x {noise}?>"))

    def _prefix(self) -> str:
        return "" if self._plain else self._random.choice(_PREFIXES)

    def _space(self) -> str:
        return "" if self._plain else self._random.choice(("", "", " ", "\n "))

    def _between(self, sign: str) -> str:
        return self._space() + sign + self._space()

    def _quote(self) -> str:
        return '"' if self._plain else self._random.choice("\"'")


_ENCODINGS: Final[Sequence[tuple[str, str | None]]] = (
    *(("utf-8", None), ("utf-8", ""), ("utf-8", "utf-8"), ("utf-8-sig", None), ("utf-8-sig", "utf-8")),
    *(("ascii", "us-ascii"), ("latin-1", "iso-8859-1"), ("utf-16", None), ("utf-16", "utf-16")),
    *(("utf-16-le", "utf-16"), ("utf-16-be", "utf-16")),
)
"""How it is encoded, and what its declaration says; None: it has none."""
