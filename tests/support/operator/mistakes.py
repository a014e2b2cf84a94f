"""Mistakes in a TenantProxy, one row each: what it is, where it is told, and some words of what is told."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from support.operator.manifests import changed, minimal

URL: Final = "spec.upstream.url"
FORWARD_PROXY: Final = "spec.upstream.forwardProxy.url"
NETWORKS: Final = "spec.auth.tokenEndpoint.allowNetworks"
_PATHS: Final = "spec.upstream.operations"
_OUTCOMES: Final = "spec.upstream.operations.getOrder.outcomes"
_ORDER: Final = "spec.mapping.getOrder.fields"
_SEARCH: Final = "spec.mapping.searchOrders.fields"
_TABLE: Final = {
    "from": ["/a", "/b"],
    "rows": [{"when": ["a", "b"], "value": "c"}, {"when": ["*", "*"], "value": "d"}],
}
_RELAY: Final[dict[str, Any]] = {"verification": {"sharedKey": True}, "delivery": {"path": "/pos-events"}}
_RULE: Final[dict[str, Any]] = {"name": "sale", "element": "Sale", "orderId": ["@Order"]}


@dataclass(frozen=True)
class Mistake:
    """One mistake in the smallest manifest."""

    what: str
    """As the page has it."""
    path: str
    value: Any
    told: Literal["schema", "policy", "status"]
    words: str
    others: dict[str, Any] = field(default_factory=dict)
    """What else differs from the smallest manifest, by its path."""

    @property
    def manifest(self) -> dict[str, Any]:
        manifest = minimal()
        for path, value in (self.others | {self.path: self.value}).items():
            manifest = changed(manifest, path, value)
        return manifest


def _of_relay(
    what: str, path: str, value: Any, told: Literal["schema", "policy", "status"], words: str
) -> Mistake:
    """Return a mistake below `spec.poslog`, in the smallest relay."""
    return Mistake(what, f"spec.poslog.{path}", value, told, words, {"spec.poslog": _RELAY})


MISTAKES: Final = (
    # ---- where the OMS is
    Mistake("plain http without `allowInsecure`", URL, "http://oms.example", "schema", "is plain http; use https"),
    Mistake("user and password in it", URL, "https://u:p@oms.example", "schema", "has user-info; put credentials"),
    Mistake("another scheme", URL, "ftp://oms.example", "schema", "should match"),
    Mistake("a query or a fragment", URL, "https://oms.example/?a=b", "schema", "should match"),
    Mistake("a character that URLs can't have", URL, 'https://oms.example/"', "schema", "percent-encode it"),
    Mistake("a host that is not in ASCII", URL, "https://bücher.example", "schema", "write it in Punycode"),
    Mistake("a port that is none", URL, "https://oms.example:65536", "schema", "has no host or a bad port"),
    Mistake("a dot segment", URL, "https://oms.example/a/../b", "schema", "has a dot segment; write the path out"),
    Mistake("an abbreviated IPv4 address", URL, "https://10.1", "schema", "write its four decimal parts"),
    Mistake("a host that is not a valid name", URL, "https://-oms.example", "schema", "is not a valid name"),
    Mistake(
        "the host of a cloud's metadata", URL, "https://metadata.google.internal", "schema", "cloud metadata host"
    ),
    Mistake("an address on the operator's deny list", URL, "https://10.66.0.1", "policy", "operator's deny list"),
    Mistake(
        "the address of a cloud's metadata", URL, "https://169.254.169.254", "policy", "cloud metadata address"
    ),
    Mistake("a link-local address", URL, "https://169.254.1.1", "policy", "is link-local"),
    Mistake("a reserved address", URL, "https://192.0.2.1", "policy", "is reserved"),
    Mistake(
        "`localhost` without `allowPrivateNetworks`", URL, "https://localhost", "policy", "is loopback; `allow"
    ),
    Mistake(
        "a private address without it", URL, "https://[fd00::1]", "policy", "is private; `allowPrivateNetworks"
    ),
    Mistake("a shared address without it", URL, "https://100.64.0.1", "policy", "is shared (CGNAT); `allow"),
    Mistake("an IPv4 address in IPv6 form", URL, "https://[::ffff:10.0.0.1]", "status", "is an IPv4 address in"),
    Mistake(
        "a host that `allowedHosts` does not list", URL, "https://xacme.example", "policy", "does not permit in"
    ),
    Mistake(
        "`tls` with plain http",
        "spec.upstream",
        {"url": "http://oms.example", "allowInsecure": True, "tls": {}},
        "schema",
        "does not apply to plain http",
    ),
    Mistake("a timeout out of bounds", "spec.upstream.timeout", "6m", "schema", "is out of bounds; use at least"),
    Mistake("a size out of bounds", "spec.upstream.maxResponseBytes", "5Mi", "schema", "is out of bounds; use at"),
    # ---- the way to it
    Mistake(
        "no URL", "spec.upstream.forwardProxy", {"noProxy": ["a.example"]}, "schema", "write http://HOST:PORT"
    ),
    Mistake("user and password in it", FORWARD_PROXY, "http://u:p@squid:3128", "schema", "has user-info; put"),
    Mistake("a path", FORWARD_PROXY, "http://squid:3128/a", "schema", "has a path"),
    Mistake("a port that is none", FORWARD_PROXY, "http://squid:65536", "status", "is not a valid URL"),
    Mistake(
        "the address of a cloud's metadata", FORWARD_PROXY, "http://169.254.169.254:3128", "status", "is a cloud"
    ),
    Mistake("an address on the operator's deny list", FORWARD_PROXY, "http://10.66.0.1", "status", "deny list"),
    Mistake(
        "a host that `allowedHosts` does not list",
        FORWARD_PROXY,
        "http://squid.example:3128",
        "policy",
        "does not permit in",
    ),
    Mistake(
        "a destination that is none",
        "spec.upstream.forwardProxy",
        {"url": "http://squid:3128", "noProxy": ["a b"]},
        "schema",
        "should match",
    ),
    # ---- its operations
    Mistake(
        "an unknown placeholder", f"{_PATHS}.getOrder.path", "/o/{id}", "schema", "has an unknown placeholder"
    ),
    Mistake(
        "an unknown placeholder",
        f"{_PATHS}.searchOrders.path",
        "/{customerOrderId}",
        "schema",
        "unknown placeholder",
    ),
    Mistake("no order's id", f"{_PATHS}.getOrder.path", "/orders", "schema", "every order would be the same one"),
    Mistake("a dot segment", f"{_PATHS}.searchOrders.path", "/a/./b", "schema", "has a dot segment"),
    Mistake("`//` in front", f"{_PATHS}.searchOrders.path", "//a/b", "schema", "has // in front"),
    Mistake("a query, `%` or a space", f"{_PATHS}.searchOrders.path", "/a?b=c", "schema", "should match"),
    Mistake(
        "no place for the customer's id",
        f"{_PATHS}.searchOrders.method",
        "GET",
        "schema",
        "criterion would be lost",
    ),
    Mistake(
        "no place for a criterion of one's own",
        f"{_PATHS}.searchOrders",
        {"path": "/{criteria.customerId}", "method": "GET", "criteria": {"email": {}}},
        "status",
        "has no {criteria.email} in path, query or body",
    ),
    Mistake(
        "an unknown placeholder",
        f"{_PATHS}.getOrder.query",
        {"id": "{customerOrderID}"},
        "status",
        "has the unknown placeholder {customerOrderID}; it may hold",
    ),
    Mistake(
        "a placeholder within quotes, without how it is quoted",
        f"{_PATHS}.getOrder.query",
        {"where": "n='{customerOrderId}'"},
        "status",
        "within quotes; write {customerOrderId|backslash} or {customerOrderId|doubled}",
    ),
    Mistake(
        "a quote that can be read in two ways, beside a placeholder",
        f"{_PATHS}.getOrder.query",
        {"where": "shop eq 5\" and n='{customerOrderId|doubled}'"},
        "status",
        "not clear whether it opens or closes quotes",
    ),
    Mistake(
        "a criterion beside other text, with neither quotes nor a pattern",
        f"{_PATHS}.searchOrders.query",
        {"$filter": "CustomerId eq {criteria.customerId}"},
        "status",
        "or give the criterion a pattern",
    ),
    Mistake(
        "a placeholder in a header",
        f"{_PATHS}.getOrder.headers",
        {"X-A": "{customerOrderId}"},
        "status",
        "no template",
    ),
    Mistake(
        "a header that the proxy sets itself",
        f"{_PATHS}.getOrder.headers",
        {"authorization": "x"},
        "schema",
        "has a header that the proxy sets itself",
    ),
    Mistake(
        "a header that looks like a credential",
        f"{_PATHS}.getOrder.headers",
        {"X-Api-Key": "x"},
        "status",
        "looks like a credential",
    ),
    Mistake("a body with GET", f"{_PATHS}.getOrder.body", {"form": {}}, "schema", "goes with no GET"),
    Mistake(
        "a body of two kinds",
        f"{_PATHS}.searchOrders.body",
        {"form": {}, "json": {}},
        "schema",
        "needs one of json and form",
    ),
    Mistake("a form of the id that is none", f"{_PATHS}.getOrder.ids", ["000"], "schema", "should match"),
    Mistake(
        "a form of the id that leaves its segment",
        f"{_PATHS}.getOrder.ids",
        ["../{customerOrderId}"],
        "status",
        "could leave its segment",
    ),
    Mistake("a pattern that can't be used", f"{_PATHS}.getOrder.idPattern", "(a+", "status", "ends too early"),
    Mistake(
        "a probe with an id that callers can't have",
        f"{_PATHS}.getOrder.probe",
        {"customerOrderId": "#1"},
        "schema",
        "must start with a letter or digit",
    ),
    Mistake(
        "a probe with an id that `idPattern` does not allow",
        f"{_PATHS}.getOrder",
        {"idPattern": "[0-9]+", "probe": {"customerOrderId": "A1"}},
        "status",
        "must match [0-9]+",
    ),
    Mistake(
        "more connections than there are",
        f"{_PATHS}.searchOrders.maxConnections",
        101,
        "schema",
        "is more than upstream.maxConnections",
    ),
    Mistake(
        "fields beside `unsupported`",
        f"{_PATHS}.searchOrders",
        {"unsupported": True, "timeout": "1s"},
        "schema",
        "remove the fields beside it",
    ),
    Mistake(
        "pages that no request asks for",
        f"{_PATHS}.searchOrders.pages",
        {"size": 100},
        "status",
        "says no way to the next page",
    ),
    Mistake(
        "pages without a last one",
        f"{_PATHS}.searchOrders.pages",
        {"max": 3},
        "status",
        "doesn't say which page is the last",
        {f"{_PATHS}.searchOrders.query": {"page": "{page.number}"}},
    ),
    Mistake(
        "a cursor beside other text",
        f"{_PATHS}.searchOrders.query",
        {"after": "id:{page.cursor}"},
        "status",
        "let it stand alone, or put it into quotes",
        {f"{_PATHS}.searchOrders.pages": {"cursor": "/next"}},
    ),
    Mistake(
        "two ends of the pages",
        f"{_PATHS}.searchOrders.pages",
        {"size": 100, "total": "/total"},
        "schema",
        "has two of size, total and more",
    ),
    Mistake(
        "a link with an end of its own",
        f"{_PATHS}.searchOrders.pages",
        {"link": True, "size": 100},
        "schema",
        "goes with no size, total, more or cursor",
    ),
    Mistake("a link with POST", f"{_PATHS}.searchOrders.pages", {"link": True}, "schema", "is followed by GET"),
    # ---- what its answers mean
    Mistake(
        "a status that is none",
        _OUTCOMES,
        [{"status": [700], "means": "order-not-found"}],
        "schema",
        "less than or",
    ),
    Mistake("no status", _OUTCOMES, [{"status": [], "means": "order-not-found"}], "schema", "at least 1"),
    Mistake(
        "a status twice", _OUTCOMES, [{"status": [410, 410], "means": "order-not-found"}], "schema", "status twice"
    ),
    Mistake(
        "a meaning of the search",
        _OUTCOMES,
        [{"status": [404], "means": "no-orders-found"}],
        "schema",
        "supported",
    ),
    Mistake(
        "a meaning of reading one order",
        f"{_PATHS}.searchOrders",
        {"path": "/o", "outcomes": [{"status": [404], "means": "order-not-found"}]},
        "schema",
        "supported",
    ),
    Mistake(
        "status 200 without `when`",
        _OUTCOMES,
        [{"status": [200], "means": "order-not-found"}],
        "schema",
        "no order would ever be read",
    ),
    Mistake(
        "`in` and `absent`",
        _OUTCOMES,
        [{"status": [200], "when": [{"from": "/a", "in": ["b"], "absent": True}], "means": "order-not-found"}],
        "schema",
        "needs one of in",
    ),
    Mistake(
        "an outcome that can't be reached",
        _OUTCOMES,
        [{"status": [404, 410], "means": "order-not-found"}, {"status": [410], "means": "upstream-error"}],
        "status",
        "can't be reached",
    ),
    # ---- the token endpoint
    Mistake("a public network", NETWORKS, ["8.8.8.0/24"], "schema", "is not private, shared or loopback"),
    Mistake(
        "a network that is too large", NETWORKS, ["10.0.0.0/7"], "schema", "is not private, shared or loopback"
    ),
    Mistake("an address without a length", NETWORKS, ["10.0.0.1"], "schema", "should match"),
    Mistake("host bits in a network", NETWORKS, ["10.1.0.1/16"], "status", "has host bits set"),
    Mistake(
        "a host that `allowedHosts` does not list",
        "spec.auth.tokenEndpoint.allowHosts",
        ["idp.example:8443"],
        "policy",
        "does not permit in",
    ),
    Mistake("longer than it may take", "spec.auth.tokenEndpoint.timeout", "10m", "schema", "is out of bounds"),
    # ---- the credential
    Mistake("a type that there is not", "spec.auth.allowedTypes", ["apikey"], "schema", "supported values"),
    Mistake("no type at all", "spec.auth.allowedTypes", [], "schema", "should have at least 1 items"),
    # ---- the mapping
    Mistake(
        "an unknown output field", f"{_ORDER}.stautus", {"from": "/s"}, "schema", "not an output field; there are"
    ),
    Mistake(
        "an unknown output field", f"{_SEARCH}.items", {"from": "/s"}, "schema", "not an output field; there are"
    ),
    Mistake(
        "an unknown output field of an item",
        f"{_ORDER}.items",
        {"each": "/i", "fields": {"id": {"from": "/id"}}},
        "schema",
        "there are itemId, quantityOrdered",
    ),
    Mistake(
        "an unknown output field of a discount",
        f"{_ORDER}.items",
        {"each": "/i", "fields": {"discounts": {"each": "/d", "fields": {"id": {"from": "/id"}}}}},
        "schema",
        "there are discountAmount",
    ),
    Mistake(
        "`each` for what is no list", f"{_ORDER}.status", {"each": "/s", "fields": {}}, "schema", "than items"
    ),
    Mistake(
        "`fields` for a single value", f"{_ORDER}.status", {"fields": {}}, "schema", "has fields in a rule for"
    ),
    Mistake("`each` without `fields`", f"{_ORDER}.items", {"each": "/i"}, "schema", "needs fields; add it"),
    Mistake(
        "`each` and `from`", f"{_ORDER}.items", {"each": "/i", "from": "/i", "fields": {}}, "schema", "keep one"
    ),
    Mistake(
        "`from` with `fields` for a list", f"{_ORDER}.items", {"from": "/i", "fields": {}}, "schema", "use each"
    ),
    Mistake("`const` with other sources", f"{_ORDER}.status", {"const": "a", "from": "/s"}, "schema", "(not)"),
    Mistake("`const` with a default", f"{_ORDER}.status", {"const": "a", "default": "b"}, "schema", "(not)"),
    Mistake(
        "`values` with what makes a number of a text",
        f"{_ORDER}.minimumDownPaymentAmount",
        {"values": {"a": 1}, "as": "number"},
        "schema",
        "(not)",
    ),
    Mistake(
        "`join` and `from`",
        f"{_ORDER}.status",
        {"from": "/a", "join": {"from": ["/a", "/b"]}},
        "schema",
        "has join together with from or nullIf; keep one",
    ),
    Mistake(
        "`table` and `part`",
        f"{_ORDER}.status",
        {"table": _TABLE, "part": {"before": "-"}},
        "schema",
        "has table together with",
    ),
    Mistake(
        "`scale` and `scaleFrom`",
        f"{_ORDER}.minimumDownPaymentAmount",
        {"scale": 2, "scaleFrom": "/d"},
        "schema",
        "has scale together with scaleFrom; keep one",
    ),
    Mistake("`orFrom` without `from`", f"{_ORDER}.status", {"orFrom": ["/a"]}, "schema", "needs from; add it"),
    Mistake(
        "`where` without `each`",
        f"{_ORDER}.items",
        {"where": [{"from": "/a", "in": ["b"]}]},
        "schema",
        "needs each; add it",
    ),
    Mistake("`scale` for a text", f"{_ORDER}.status", {"scale": 2}, "schema", "another field than minimumDown"),
    Mistake(
        "`scale` for what has no amounts",
        f"{_ORDER}.invoicePaymentInstructions",
        {"fields": {"additionalInformation": {"each": "/a", "fields": {"id": {"scale": 2}}}}},
        "schema",
        "no field here can use it",
    ),
    Mistake(
        "`join` for an amount",
        f"{_ORDER}.items",
        {"each": "/i", "fields": {"unitPrice": {"join": {"from": ["/a", "/b"]}}}},
        "schema",
        "another field than itemId",
    ),
    Mistake(
        "`as` for a field of another type",
        f"{_ORDER}.status",
        {"as": "number"},
        "schema",
        "has scale, scaleFrom, negate or as: number in a rule for another field than minimumDownPaymentAmount",
    ),
    Mistake("`as: single` for what is no list", f"{_ORDER}.status", {"as": "single"}, "schema", "than items"),
    Mistake(
        "`as: single` for an object's members",
        f"{_ORDER}.items",
        {"each": "/i/*", "as": "single", "fields": {}},
        "schema",
        "takes an object as one element; remove one of them",
    ),
    Mistake(
        "`as: single` for an object's members in `andEach`",
        f"{_ORDER}.items",
        {"each": "/i", "andEach": ["/j/*"], "as": "single", "fields": {}},
        "schema",
        "takes an object as one element; remove one of them",
    ),
    Mistake("`as` of another word", f"{_ORDER}.status", {"as": "text"}, "schema", "Unsupported value"),
    Mistake(
        "`scale` out of bounds", f"{_ORDER}.minimumDownPaymentAmount", {"scale": 10}, "schema", "less than or"
    ),
    Mistake(
        "`part` without a delimiter", f"{_ORDER}.status", {"part": {}}, "schema", "say what the part is after"
    ),
    Mistake(
        "`after` and `afterLast`",
        f"{_ORDER}.status",
        {"part": {"after": "a", "afterLast": "b"}},
        "schema",
        "has both after and afterLast; keep one",
    ),
    Mistake(
        "a condition that says nothing",
        f"{_ORDER}.items",
        {"each": "/i", "fields": {}, "where": [{"from": "/a"}]},
        "schema",
        "needs one of in, notIn, absent and sameAs",
    ),
    Mistake(
        "`andEach` without `each`",
        f"{_ORDER}.items",
        {"andEach": ["/i"], "fields": {}},
        "schema",
        "needs each; add it",
    ),
    Mistake(
        "`nullIf` for a list", f"{_ORDER}.items", {"from": "/i", "nullIf": [""]}, "schema", "than customerOrderId"
    ),
    Mistake(
        "`nullIf` with `join`",
        f"{_ORDER}.status",
        {"join": {"from": ["/a", "/b"]}, "nullIf": [""]},
        "schema",
        "has join together with from or nullIf; keep one",
    ),
    Mistake(
        "a criterion beside `from`",
        f"{_SEARCH}.customerId",
        {"criterion": "customerId", "from": "/a"},
        "schema",
        "keep one",
    ),
    Mistake(
        "a criterion that the search does not take",
        f"{_SEARCH}.customerId",
        {"criterion": "email"},
        "schema",
        "does not take",
    ),
    Mistake(
        "a criterion that a search may lack, without a default",
        f"{_SEARCH}.customerId",
        {"criterion": "customerId"},
        "status",
        "may be missing in a search",
        {f"{_PATHS}.searchOrders.criteria": {"email": {}}},
    ),
    Mistake(
        "`where` with pages that are counted",
        "spec.mapping.searchOrders.where",
        [{"from": "/draft", "absent": True}],
        "schema",
        "leaves out orders of pages",
        {f"{_PATHS}.searchOrders.query": {"page": "{page.number}"}, f"{_PATHS}.searchOrders.pages": {"size": 50}},
    ),
    Mistake(
        "a step `*` to the order",
        "spec.mapping.getOrder.root",
        "/orders/*",
        "status",
        "has the step `*`, which only pointers to lists have; name the member",
    ),
    Mistake(
        "a list twice",
        f"{_ORDER}.items",
        {"each": "/i", "andEach": ["/i"], "fields": {}},
        "status",
        "is there already",
    ),
    Mistake(
        "two rules that fight over a pointer",
        _ORDER,
        {"customerOrderId": {"from": "/id"}, "customerId": {"from": "/id/no"}},
        "status",
        "needs an object at `/id`, where `customerOrderId.from` needs a string",
    ),
    Mistake(
        "a word that is null, and stands for a value",
        f"{_ORDER}.status",
        {"nullIf": ["a"], "values": {"a": "b"}},
        "status",
        "never found",
    ),
    Mistake(
        "a condition that says two things",
        f"{_ORDER}.customerId",
        {"pick": {"each": "/r", "where": [{"from": "/a", "in": ["b"], "sameAs": "/b"}]}},
        "schema",
        "needs one of in, notIn, absent and sameAs",
    ),
    Mistake(
        "`pick` without conditions",
        f"{_ORDER}.status",
        {"pick": {"each": "/r", "where": []}},
        "schema",
        "should have at least 1 items",
    ),
    Mistake(
        "a row of another length than its table's `from`",
        f"{_ORDER}.status",
        {"table": {"from": ["/a", "/b"], "rows": [{"when": ["a", "b", "c"], "value": "d"}]}},
        "schema",
        "another number of words",
    ),
    Mistake(
        "a table with a gap",
        f"{_ORDER}.status",
        {
            "table": {
                "from": ["/a", "/b"],
                "rows": [{"when": ["a", "b"], "value": "e"}, {"when": ["c", "d"], "value": "f"}],
            }
        },
        "status",
        "has none for [*, *], words that no row names; add one, or `default`",
    ),
    Mistake(
        "a table with an overlap",
        f"{_ORDER}.status",
        {
            "table": {
                "from": ["/a", "/b"],
                "rows": [{"when": ["a", "*"], "value": "c"}, {"when": ["*", "b"], "value": "d"}],
            },
            "default": "e",
        },
        "status",
        "both fit [a, b]; add a row for it",
    ),
    Mistake(
        "a pointer of a table that no row has a word for",
        f"{_ORDER}.status",
        {"table": {"from": ["/a", "/b"], "rows": [{"when": ["a", "*"], "value": "c"}]}, "default": "d"},
        "status",
        "is `*` in all rows; remove it",
    ),
    Mistake(
        "one number twice",
        f"{_ORDER}.status",
        {"values": {"5": "a", "5.0": "b"}},
        "status",
        "is the same number as `5`, which becomes something else",
    ),
    Mistake(
        "one pointer twice", f"{_ORDER}.status", {"from": "/a", "orFrom": ["/a"]}, "status", "each is tried once"
    ),
    Mistake("the whole object for a single value", f"{_ORDER}.status", {"from": ""}, "status", "is the object"),
    Mistake(
        "`part` for a number that stays a text",
        f"{_ORDER}.minimumDownPaymentAmount",
        {"part": {"after": "EUR "}},
        "status",
        "add `as` or `values`",
    ),
    Mistake("a pointer that is none", f"{_ORDER}.status", {"from": "status"}, "schema", "should match"),
    Mistake("a pointer of more than 16 steps", f"{_ORDER}.status", {"from": "/a" * 17}, "schema", "should match"),
    Mistake(
        "a constant of another type, in `const`", f"{_ORDER}.status", {"const": 1}, "policy", "must be a string"
    ),
    Mistake(
        "a constant of another type, in `default`",
        f"{_ORDER}.items",
        {"each": "/i", "fields": {"quantityOrdered": {"default": "1"}}},
        "policy",
        "must be a number",
    ),
    Mistake(
        "a constant of another type, in `values`",
        f"{_SEARCH}.status",
        {"values": {"1": True}},
        "policy",
        "a string",
    ),
    Mistake(
        "a constant of another type, in `table`",
        f"{_ORDER}.status",
        {"table": {"from": ["/a", "/b"], "rows": [{"when": ["*", "*"], "value": 1}]}},
        "policy",
        "a string",
    ),
    Mistake(
        "a constant with more digits than are kept",
        f"{_ORDER}.minimumDownPaymentAmount",
        {"const": 0.12345678901234568},
        "status",
        "other numbers of at most 15 digits",
    ),
    Mistake(
        "`null` for a required field",
        f"{_ORDER}.status",
        {"default": None},
        "policy",
        "null is not, as the field is required",
    ),
    Mistake(
        "`values` for a list or an object", f"{_ORDER}.items", {"values": {"a": []}}, "policy", "is for single"
    ),
    Mistake(
        "`values` without any, and no `default`", f"{_ORDER}.status", {"values": {}}, "policy", "lists no value"
    ),
    # ---- whose it is
    Mistake("a name that children can't have", "metadata.name", "t" * 51, "schema", "at most 50 characters"),
    Mistake("an id that is none", "spec.tenantId", "T 1", "schema", "should match"),
    Mistake(
        "the id of the TenantProxy that `tenantIds` lists", "spec.tenantId", "T-mine", "policy", "is that of the"
    ),
    # ---- pods
    Mistake("a share above 1", "spec.tracing.samplingRatio", 1.5, "schema", "less than or equal to 1"),
    Mistake(
        "`replicas` and `autoscaling`",
        "spec.replicas",
        2,
        "schema",
        "remove one of",
        {"spec.autoscaling": {"maxReplicas": 3}},
    ),
    Mistake("`minReplicas` above `maxReplicas`", "spec.autoscaling", {"maxReplicas": 1}, "schema", "is more than"),
    Mistake(
        "`autoscaling` without a CPU request",
        "spec.resources",
        {"requests": {"memory": "96Mi"}},
        "schema",
        "so autoscaling can't work",
        {"spec.autoscaling": {"maxReplicas": 3}},
    ),
    Mistake("too little memory", "spec.resources", {"limits": {"memory": "128Mi"}}, "schema", "a proxy may need"),
    Mistake(
        "a request above its limit",
        "spec.resources",
        {"requests": {"cpu": 2}, "limits": {"cpu": 1}},
        "schema",
        "requests more cpu than the limit",
    ),
    Mistake("a key that is none", "spec.podTemplate.labels", {"a b": "c"}, "schema", "is not the key of a label"),
    Mistake(
        "a key of the operator's", "spec.podTemplate.annotations", {"prometheus.io/x": ""}, "schema", "sets itself"
    ),
    Mistake(
        "a key that the platform forbids", "spec.podTemplate.labels", {"app": "a"}, "policy", "has the key `app`"
    ),
    Mistake(
        "a key that the platform forbids",
        "spec.podTemplate.annotations",
        {"inject": "1"},
        "policy",
        "key `inject`",
    ),
    Mistake(
        "a route, without `--http-routes`",
        "spec.route",
        {"gatewayRef": {"name": "shared"}, "hostnames": ["orders.example.com"]},
        "policy",
        "spec.route needs HTTPRoutes",
    ),
    # ---- the relay
    _of_relay(
        "a route, without `--http-routes`",
        "route",
        {"gatewayRef": {"name": "shared"}, "hostnames": ["pickups.example.com"]},
        "policy",
        "spec.poslog.route needs HTTPRoutes",
    ),
    _of_relay(
        "nothing that an event must show", "verification", {"basic": False}, "schema", "has nothing that an event"
    ),
    _of_relay(
        "`basic` and `idToken`",
        "verification",
        {"basic": True, "idToken": {"audience": "a"}},
        "schema",
        "an event has one Authorization",
    ),
    _of_relay(
        "keys at plain http",
        "verification.idToken",
        {"audience": "a", "jwksUri": "http://keys.example"},
        "schema",
        "should match",
    ),
    _of_relay(
        "keys of a host that `allowedHosts` does not list",
        "verification.idToken",
        {"audience": "a", "jwksUri": "https://xacme.example"},
        "policy",
        "spec.poslog.verification.idToken.jwksUri names a host that the platform does not permit in",
    ),
    _of_relay("neither `url` nor `path`", "delivery", {"method": "PUT"}, "schema", "needs one of url and path"),
    _of_relay(
        "`url` and `path`",
        "delivery",
        {"url": "https://oms.example", "path": "/a"},
        "schema",
        "needs one of url and path, and only one",
    ),
    _of_relay("a dot segment", "delivery.path", "/a/../b", "schema", "has a dot segment"),
    _of_relay(
        "plain http without `allowInsecure`", "delivery", {"url": "http://oms.example"}, "schema", "plain http"
    ),
    _of_relay(
        "user and password in it", "delivery", {"url": "https://u:p@oms.example"}, "schema", "has user-info; put"
    ),
    _of_relay(
        "a private address without `allowPrivateNetworks`",
        "delivery",
        {"url": "https://10.1.2.3"},
        "status",
        "is private; `allowPrivateNetworks",
    ),
    _of_relay(
        "a host that `allowedHosts` does not list",
        "delivery",
        {"url": "https://xacme.example"},
        "policy",
        "spec.poslog.delivery.url names a host that the platform does not permit in",
    ),
    _of_relay(
        "a header of the relay's own",
        "delivery.headers",
        {"Webhook-ID": "1"},
        "schema",
        "has a header that the relay sets itself",
    ),
    _of_relay("a timeout out of bounds", "delivery.timeout", "5s", "schema", "at most 4500ms"),
    _of_relay("a size out of bounds", "limits.maxPoslogBytes", "17Mi", "schema", "at most 16Mi"),
    _of_relay("one name of two rules", "filter.rules", [_RULE, _RULE], "schema", "has a name twice; change one"),
    _of_relay("a path that is none", "filter.rules", [_RULE | {"orderId": ["a//b"]}], "schema", "should match"),
    _of_relay("a pattern that can't be used", "filter.orderIdPattern", "(?=a)", "status", "orderIdPattern"),
)
