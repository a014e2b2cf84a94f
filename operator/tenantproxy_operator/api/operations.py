"""The models of `spec.upstream.operations`: how each operation is called at the OMS."""

from typing import Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from tenantproxy.oms.outcomes import MAX_OUTCOMES
from tenantproxy.oms.requests.ids import MAX_FORMS
from tenantproxy.oms.requests.quotes import QUOTING
from tenantproxy.oms.requests.templates import CRITERIA
from tenantproxy.operations import GET_ORDER, ORDER_ID, SEARCH_ORDERS, Operation
from tenantproxy_operator.api.fields import EMPTY, Duration, Model, UniqueList, Verbatim, cel, invalid
from tenantproxy_operator.api.outcomes import OrderOutcome, SearchOutcome
from tenantproxy_operator.api.pages import Pages
from tenantproxy_operator.api.probe import PROBE_RULE, Probe
from tenantproxy_operator.api.request_texts import (
    CRITERION_NAME,
    HEADER_RULES,
    HeaderValue,
    IdForm,
    IdMatch,
    OperationPath,
    TextTemplate,
    ValuePattern,
    name_rule,
)

_MOST_PAIRS: Final = 32
_MOST_CRITERIA: Final = 16
_OUTCOMES: Final = (
    "What responses mean that are not as documented. Read from the top: the first that fits counts; what none "
    "fits means what it always does."
)


_NO_NAME: Final = "has a name other than a letter, then letters, digits or _"


def _path_rules(operation: Operation) -> dict[str, Any]:
    """Return what the compiler of requests checks of a path, as far as its own text shows it."""
    names = [*operation.placeholders, *([f"criteria[.]{CRITERION_NAME}"] if operation.takes_criteria else [])]
    said = [*sorted(operation.placeholders), *([f"{CRITERIA}NAME"] if operation.takes_criteria else [])]
    quoting = "|".join(sorted(QUOTING))
    rules = [
        (
            f"self.matches(r'^([^{{|}}]|[{{]({'|'.join(names)})([|]({quoting}))?[}}])*$')",
            f"has an unknown placeholder; it may hold {', '.join(f'{{{name}}}' for name in said)}",
        ),
        ("!self.startsWith('//')", "has // in front, which is read as a host; write one /"),
        ("!self.matches('/[.][.]?(/|$)')", "has a dot segment; write the path out"),
    ]
    return {"x-kubernetes-validations": [cel(rule, message) for rule, message in rules]}


_ENDPOINT_RULES: Final = (
    name_rule("query", "^.{1,256}$", "has an empty name, or one of more than 256 characters"),
    *HEADER_RULES,
    cel("!has(self.body) || self.method == 'POST'", "goes with no GET; set method: POST", path=".body"),
)


def _in_templates(name: str) -> str:
    """Return whether a placeholder is in one of a request's templates; what is in JSON can't be seen.

    There is no path where the API server checks the default of the object, without those of its fields.
    """

    def among(pairs: str) -> str:
        return f"(has({pairs}) && {pairs}.exists(name, {pairs}[name].contains('{{{name}')))"

    return (
        f"!has(self.path) || self.path.contains('{{{name}') || {among('self.query')}"
        f" || (has(self.body) && (has(self.body.json) || {among('self.body.form')}))"
    )


class Body(Model):
    """The body of a request to the OMS: json or form."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.json) != has(self.form)", "needs one of json and form"),
                name_rule("form", "^.{1,256}$", "has an empty name, or one of more than 256 characters"),
            ]
        }
    )

    json_: Verbatim | None = Field(
        default=None,
        alias="json",
        description="An object whose strings are templates, sent as application/json; at most 16Ki. Members, and "
        "whole elements of lists, whose criteria the caller left out are left out, too. Braces of GraphQL stay as "
        "they are; what looks like a placeholder is written twofold: {{id}}.",
    )
    form: dict[str, TextTemplate] | None = Field(
        default=None,
        max_length=_MOST_PAIRS,
        description="Fields by name, whose values are templates, sent as application/x-www-form-urlencoded.",
    )

    @model_validator(mode="after")
    def _check_kind(self) -> "Body":
        if (self.json_ is None) == (self.form is None):
            raise invalid("needs one of `json` and `form`")
        return self


class Endpoint(Model):
    """How the OMS serves one operation."""

    query: dict[str, TextTemplate] = Field(
        default_factory=dict,
        max_length=_MOST_PAIRS,
        description="Parameters of the query by name, such as criteria[0][value] or $filter, whose values are "
        "templates. One whose criteria the caller left out is left out, too.",
    )
    headers: dict[str, HeaderValue] = Field(
        default_factory=dict,
        max_length=16,
        description="Fixed headers by name. No place for secrets: who can read the TenantProxy sees them.",
    )
    body: Body | None = Field(
        default=None, description="The body of a POST. Absent: that of the documented contract."
    )
    timeout: Duration | None = Field(
        default=None,
        description="As upstream.timeout, which it defaults to; for all forms of an id, or all pages, together.",
    )
    retries: int | None = Field(default=None, ge=0, le=3, description="As upstream.retries, which it defaults to.")
    max_connections: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="How many of upstream.maxConnections this operation may use; as many requests again wait. "
        "Defaults to all for getOrder and to three quarters for searchOrders, so that slow searches leave some "
        "for reads by id.",
    )


class OrderEndpoint(Endpoint):
    """How the OMS serves one order, and what its response must be."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                *_ENDPOINT_RULES,
                cel(
                    _in_templates(ORDER_ID),
                    f"has no {{{ORDER_ID}}}; every order would be the same one",
                    path=".path",
                ),
                PROBE_RULE,
            ]
        }
    )

    method: Literal["GET", "POST"] = Field(default="GET", description="GET or POST.")
    path: OperationPath = Field(
        default=GET_ORDER.path,
        description="Path below the base URL: a template with the placeholders of the default.",
        json_schema_extra=_path_rules(GET_ORDER),
    )
    id_match: IdMatch = Field(
        default="exact",
        description="exact: a response whose customerOrderId is neither the caller's nor the form that was looked "
        "up is refused, as it may be another caller's order. ignoreCase: letters may differ in case. off: for an "
        "OMS that returns another form of the id.",
    )
    ids: UniqueList[IdForm] = Field(
        default_factory=list,
        max_length=MAX_FORMS,
        description=f"Forms of the id by which an order is looked up, such as {{{ORDER_ID}|upper}} or "
        f"000{{{ORDER_ID}}}; the next one where the OMS knows no such order. Defaults to the id as it came.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    id_pattern: ValuePattern | None = Field(
        default=None,
        description="What ids of orders may be, such as #?[0-9]{1,10}: a regular expression of the whole id, "
        "without look-around and references. At most 128 characters of printable ASCII, no %, no empty part, . or "
        ".. between the signs / \\ ;. Defaults to letters, digits and the signs . _ ~ : - of ids.",
    )
    probe: Probe | None = Field(
        default=None,
        description="The order that a credential is tried with, where a tenant's admin asks for that. By default "
        "one that does not exist: an OMS that then answers order-not-found has taken the credential.",
    )
    outcomes: list[OrderOutcome] = Field(default_factory=list, max_length=MAX_OUTCOMES, description=_OUTCOMES)


class Criterion(Model):
    """What a criterion of the search must be."""

    pattern: ValuePattern | None = Field(
        default=None,
        description="A regular expression of the whole value, without look-around and references. In any case a "
        "value has 1 to 256 characters, none of them a control character.",
    )
    trim: bool = Field(default=False, description="Remove white space at both ends first.")
    lower_case: bool = Field(default=False, description="Change the value to lower case first.")
    required: bool = Field(
        default=False,
        description="Whether every search must have it: where other parameters of the query, or fields of the "
        "form, are nothing without it, as they are sent in any case.",
    )


class SearchEndpoint(Endpoint):
    """How the OMS serves the search of orders."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                *_ENDPOINT_RULES,
                cel(
                    f"{_in_templates(f'{CRITERIA}customerId')} || self.unsupported"
                    " || (self.method == 'POST' && !has(self.body))",
                    f"has no {{{CRITERIA}customerId}}; the criterion would be lost",
                ),
                name_rule("criteria", f"^{CRITERION_NAME}$", _NO_NAME),
                cel(
                    "!self.unsupported || !(has(self.query) || has(self.headers) || has(self.body) || "
                    "has(self.criteria) || has(self.outcomes) || has(self.pages) || has(self.timeout) || "
                    "has(self.retries) || has(self.maxConnections))",
                    "is true, so that no search is sent; remove the fields beside it",
                    path=".unsupported",
                ),
                cel(
                    "!has(self.pages) || !self.pages.link || self.method == 'GET'",
                    "is followed by GET; set method: GET",
                    path=".pages.link",
                ),
            ]
        }
    )

    method: Literal["GET", "POST"] = Field(default="POST", description="GET or POST.")
    path: OperationPath = Field(
        default=SEARCH_ORDERS.path,
        description="Path below the base URL: a template with {businessUnitId} and {criteria.NAME}.",
        json_schema_extra=_path_rules(SEARCH_ORDERS),
    )
    criteria: dict[str, Criterion] = Field(
        default_factory=dict,
        max_length=_MOST_CRITERIA,
        description="What callers may search by besides customerId, by name. Each must have a place in path, "
        "query or body: {criteria.NAME}.",
    )
    outcomes: list[SearchOutcome] = Field(default_factory=list, max_length=MAX_OUTCOMES, description=_OUTCOMES)
    pages: Pages | None = Field(
        default=None,
        description="How the OMS's pages are followed, for one complete response. Absent: there is one.",
    )
    unsupported: bool = Field(
        default=False, description="Whether the OMS has no search; callers get 501 search-not-supported."
    )


def _call(operation: Operation) -> str:
    """Return an operation's documented method and placeholders, for its description."""
    names = ", ".join(f"{{{name}}}" for name in operation.placeholders)
    return f"({operation.method}). Placeholder{'s' if len(operation.placeholders) > 1 else ''}: {names}"


class Operations(Model):
    """How the OMS serves its operations, if not as the documented contract says."""

    get_order: OrderEndpoint = Field(
        default_factory=OrderEndpoint,
        description=f"Read one order {_call(GET_ORDER)}.",
        json_schema_extra=EMPTY,
    )
    search_orders: SearchEndpoint = Field(
        default_factory=SearchEndpoint,
        description=f"Search orders {_call(SEARCH_ORDERS)}, {{{CRITERIA}customerId}} and those of criteria.",
        json_schema_extra=EMPTY,
    )
