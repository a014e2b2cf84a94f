"""PosLogs as trees of elements, of XML as tests write it."""

import xml.etree.ElementTree as ET

from tenantproxy.poslog.elements import Element


def parsed(xml: str | bytes) -> Element:
    """Return the tree of a document, or of a transaction's content: then in a `POSLog` and a `Transaction`."""
    if isinstance(xml, str) and not xml.lstrip().startswith(("<POSLog", "<?xml")):
        xml = f"<POSLog><Transaction>{xml}</Transaction></POSLog>"
    return _element(ET.fromstring(xml))  # noqa: S314 - written by the test


def _element(given: ET.Element) -> Element:
    attributes = {name.rpartition("}")[2]: value for name, value in given.attrib.items()}
    children = tuple(_element(each) for each in given)
    return Element(given.tag.rpartition("}")[2], attributes, (given.text or "").strip(), children)
