"""PosLogs as trees of elements, of XML as tests write it."""

from tenantproxy.poslog.elements import Element
from tenantproxy.poslog.intake.parser import parse


def parsed(xml: str | bytes) -> Element:
    """Return the tree of a document, or of a transaction's content: then in a `POSLog` and a `Transaction`."""
    if isinstance(xml, bytes):
        return parse(xml)
    if not xml.startswith("<POSLog"):
        xml = f"<POSLog><Transaction>{xml}</Transaction></POSLog>"
    return parse(xml.encode())
