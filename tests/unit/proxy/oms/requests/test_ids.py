"""The forms of an order's id: what makes them, and what is refused."""

import pytest

from tenantproxy.oms.requests.ids import compile_form
from tenantproxy.oms.requests.quotes import TemplateError


@pytest.mark.parametrize(
    ("form", "made"),
    [
        ("{customerOrderId}", "Ab-1"),
        ("{customerOrderId|upper}", "AB-1"),
        ("{customerOrderId|lower}", "ab-1"),
        ("000{customerOrderId}", "000Ab-1"),
        ("#{customerOrderId}/A", "#Ab-1/A"),
    ],
)
def test_forms(form: str, made: str) -> None:
    """A form is the id with text around it, or in one case."""
    assert compile_form(form)("Ab-1") == made


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("", "must hold {customerOrderId} once"),
        ("{customerOrderId}{customerOrderId}", "once"),
        ("{businessUnitId}", "unknown placeholder"),
        ("{customerOrderId|title}", "unknown |title"),
        ("%2e{customerOrderId}", "printable ASCII"),
        ("../{customerOrderId}", "could leave its segment"),
        ("{customerOrderId}/.", "could leave its segment"),
        ("/{customerOrderId}", "could leave its segment"),
        ("a;;{customerOrderId}", "could leave its segment"),
        ("a {customerOrderId}", "printable ASCII"),
        ("\u00e4{customerOrderId}", "printable ASCII"),
    ],
)
def test_bad_forms(form: str, words: str) -> None:
    """What is no form of the id is refused before use."""
    with pytest.raises(TemplateError, match=words.replace("|", r"\|")):
        compile_form(form)
