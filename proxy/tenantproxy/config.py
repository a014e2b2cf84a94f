"""The proxy's own configuration: what the operator renders into `config.json`.

It holds no secret: credentials are files of their own (see `stores`). Field names in JSON are camelCase.
"""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tenantproxy.config_model import Model
from tenantproxy.config_poslog import Poslog
from tenantproxy.operations import GET_ORDER, SEARCH_ORDERS, Operation

VERSION: Final = 1
"""Of the format of `config.json`; a proxy refuses one that it doesn't know."""

MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""Of an OMS's answer. The uninterruptible part of its conversion takes some 10 ms per MiB."""


class ConfigError(ValueError):
    """The configuration can't be used; the message names the file, the field and the problem."""


class Tenant(Model, frozen=True):
    """Whose proxy this is: the TenantProxy's name and namespace, and the Hii Retail tenant id."""

    id: str
    name: str
    namespace: str = "default"


class Body(Model, frozen=True, omit_defaults=True):
    """The body of a request, whose texts are templates; exactly one of the two is set."""

    json: dict[str, Any] | None = None
    form: dict[str, str] | None = None


class Outcome(Model, frozen=True, omit_defaults=True):
    """What an answer means that has one of these statuses, and whose body holds all conditions."""

    status: tuple[Annotated[int, Meta(ge=200, le=599)], ...]
    means: Literal[
        "no-orders-found",
        "order-not-found",
        "search-rejected",
        "upstream-error",
        "upstream-forbidden",
        "upstream-rate-limited",
        "upstream-rejected-credentials",
        "upstream-timeout",
    ]
    when: "tuple[Condition, ...]" = ()


class Endpoint(Model, frozen=True, omit_defaults=True):
    """How the OMS serves an operation: the request, relative to the base URL, and how much of it may be asked."""

    method: Literal["GET", "POST"]
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: Body | None = None
    timeout_seconds: Annotated[float, Meta(gt=0)] | None = None
    retries: Annotated[int, Meta(ge=0)] | None = None
    max_connections: Annotated[int, Meta(ge=1)] | None = None
    """Of these three, None is what the upstream has; see `admission.bulkhead`."""
    outcomes: tuple[Outcome, ...] = ()
    """What answers mean: the first that fits counts; what none fits means what it always does."""


class Probe(Model, frozen=True, omit_defaults=True):
    """The order that credentials are tried with; None: an id that no order is likely to have."""

    business_unit_id: str | None = None
    customer_order_id: str | None = None


class OrderEndpoint(Endpoint, frozen=True, omit_defaults=True):
    """How one order is read; `id_match` says whether the answer's id must be the one that was asked for."""

    method: Literal["GET", "POST"] = "GET"
    path: str = GET_ORDER.path
    id_match: Literal["exact", "ignoreCase", "off"] = "exact"
    id_pattern: str | None = None
    """What the ids of orders may be, if not what `oms.requests.ids` has."""
    ids: tuple[str, ...] = ()
    """Forms of the id by which an order is looked up, in this order; none: as it was sent."""
    probe: Probe | None = None


class Criterion(Model, frozen=True, omit_defaults=True):
    """What a search's criterion must be, and how it is changed before; whether no search goes without it."""

    pattern: str | None = None
    trim: bool = False
    lower_case: bool = False
    required: bool = False


class Pages(Model, frozen=True, omit_defaults=True):
    """How the pages of a search are followed; the way is a placeholder in the templates, or `link`."""

    first: Annotated[int, Meta(ge=0, le=1)] = 1
    """The number of the first page."""
    size: Annotated[int, Meta(ge=1)] | None = None
    """A page with fewer elements is the last one."""
    total: str | None = None
    """Pointer to how many elements there are in all."""
    more: "tuple[Condition, ...]" = ()
    """What holds where another page follows."""
    cursor: str | None = None
    """Pointer to the next page's cursor."""
    link: bool = False
    """Whether the next page's address is in the header `Link`."""
    max: Annotated[int, Meta(ge=2, le=20)] = 5
    """Pages of one answer."""


class SearchEndpoint(Endpoint, frozen=True, omit_defaults=True):
    """How orders are searched; `criteria` are those that there are besides `customerId`."""

    method: Literal["GET", "POST"] = "POST"
    path: str = SEARCH_ORDERS.path
    criteria: dict[str, Criterion] = {}
    pages: Pages | None = None
    """None: an answer is all there is."""
    unsupported: bool = False
    """Whether the OMS has no search."""


class Operations(Model, frozen=True):
    """How the OMS serves each operation."""

    get_order: OrderEndpoint = OrderEndpoint()
    search_orders: SearchEndpoint = SearchEndpoint()

    def of(self, operation: Operation) -> Endpoint:
        """Return how one is served."""
        endpoint: Endpoint = getattr(self, operation.attribute)
        return endpoint


class Tls(Model, frozen=True):
    """Which files there are for TLS; where they are is the process's own matter (see `tls`)."""

    ca: bool = False
    client_certificate: bool = False


class ForwardProxy(Model, frozen=True):
    """Through which servers outside are reached, besides those in `no_proxy` (see `transport.no_proxy`)."""

    url: str
    no_proxy: tuple[str, ...] = ()
    credentials: bool = False
    """Whether there are files with a credential for it; where they are is the process's own matter."""


class Upstream(Model, frozen=True):
    """The tenant's OMS and how much may be asked of it."""

    url: str
    allow_insecure: bool = False
    allow_private_networks: bool = False
    timeout_seconds: Annotated[float, Meta(gt=0)] = 5.0
    retries: Annotated[int, Meta(ge=0)] = 1
    max_connections: Annotated[int, Meta(ge=1)] = 100
    max_response_bytes: Annotated[int, Meta(ge=1, le=MAX_RESPONSE_BYTES)] = 1024 * 1024
    content_type: Literal["json", "any"] = "json"
    """What an answer's header must say; its body must be JSON in any case."""
    operations: Operations = Operations()
    tls: Tls = Tls()
    forward_proxy: ForwardProxy | UnsetType = UNSET

    def timeout_of(self, operation: Operation) -> float:
        """Return the seconds for all of an operation."""
        own = self.operations.of(operation).timeout_seconds
        return self.timeout_seconds if own is None else own


class Condition(Model, frozen=True, omit_defaults=True):
    """What the value at a pointer must be; exactly one of the others is set."""

    from_: str = msgspec.field(name="from")
    in_: tuple[str, ...] | None = msgspec.field(default=None, name="in")
    """One of these words (see `orders.words`)."""
    not_in: tuple[str, ...] | None = None
    """None of these words, or absent, or null."""
    absent: bool | None = None
    """Whether it must be absent or null, or must not be."""
    same_as: str | None = None
    """The same word as at this pointer, from the object that the rule is for; only of the elements of lists."""


class Pick(Model, frozen=True, omit_defaults=True):
    """One element of a list, the first that holds all conditions; the rule's pointers then begin there."""

    each: str
    """Pointer to the list, as `Rule.each`."""
    where: tuple[Condition, ...]
    within: Literal["object", "document"] = "object"
    """What `each` begins at: the object that the rule is for, or the whole of the OMS's answer."""


class Join(Model, frozen=True, omit_defaults=True):
    """Texts, one after another; if one of them is absent, so is the whole."""

    from_: tuple[str, ...] = msgspec.field(name="from")
    with_: str = msgspec.field(default="", name="with")


class Part(Model, frozen=True, omit_defaults=True):
    """A part of a text, between delimiters that must be there."""

    after: str | None = None
    after_last: str | None = None
    before: str | None = None


class TableRow(Model, frozen=True):
    """A row of a table: a word for each of its pointers (`*`: any other, or none; null: none), and the value."""

    when: tuple[str | None, ...]
    value: Any


class Table(Model, frozen=True):
    """A value by several values of the OMS together."""

    from_: tuple[str, ...] = msgspec.field(name="from")
    rows: tuple[TableRow, ...]


class Rule(Model, frozen=True, omit_defaults=True):
    """How one output field is made; an absent field is taken from the same name in the OMS's answer."""

    pick: Pick | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    or_from: tuple[str, ...] = ()
    """Further pointers, tried in order where there is nothing, or null."""
    null_if: tuple[str, ...] = ()
    """Words that are as good as null."""
    join: Join | None = None
    const: Any | UnsetType = UNSET
    criterion: str | None = None
    """The name of one of the search's, whose value it is; only in `search_orders`."""
    part: Part | None = None
    values: dict[str, Any] | None = None
    table: Table | None = None
    as_: Literal["string", "number", "single"] | None = msgspec.field(default=None, name="as")
    """What a single value is taken as; or `single`: one object where a list should be is a list of one."""
    scale: int | None = None
    """Decimal places by which the point is moved to the left."""
    scale_from: str | None = None
    """Pointer to that number; or `1/name`, a relative one: the member beside the amount."""
    negate: bool = False
    default: Any | UnsetType = UNSET
    each: str | None = None
    """Pointer to a list; a step `*` goes through all elements of a list, or all members of an object."""
    and_each: tuple[str, ...] = ()
    """Pointers to further lists, whose elements follow."""
    within: Literal["object", "document"] = "object"
    """What `each` begins at: the object that the rule is for, or the whole of the OMS's answer."""
    where: tuple[Condition, ...] = ()
    fields: "dict[str, Rule] | None" = None


class OperationMapping(Model, frozen=True):
    """The rules of one operation; `root` is an RFC 6901 pointer into the OMS's answer."""

    root: str | None = None
    fields: dict[str, Rule] = {}

    def rule(self, operation: Operation) -> Rule:
        """Return the whole of it as one rule, for the order in the OMS's answer."""
        return Rule(from_=operation.root if self.root is None else self.root, fields=self.fields)


class SearchMapping(OperationMapping, frozen=True):
    """The rules of a search, whose `root` points to a list, as `Rule.each` does; the other words are a rule's."""

    as_: Literal["single"] | UnsetType = msgspec.field(default=UNSET, name="as")
    where: tuple[Condition, ...] | UnsetType = UNSET

    def rule(self, operation: Operation) -> Rule:
        """Return the whole of it as one rule, for the list of orders in the OMS's answer."""
        root = operation.root if self.root is None else self.root
        return Rule(each=root, as_=self.as_ or None, where=self.where or (), fields=self.fields)


class Mapping(Model, frozen=True):
    """How the answers of an OMS of another shape are converted to the documented one; empty = no conversion."""

    get_order: OperationMapping = OperationMapping()
    search_orders: SearchMapping = SearchMapping()

    def of(self, operation: Operation) -> OperationMapping:
        """Return the rules of one operation."""
        rules: OperationMapping = getattr(self, operation.attribute)
        return rules


class TokenEndpoint(Model, frozen=True):
    """Where a tenant's token endpoint may be besides public addresses (see `egress.Policy`), and its time."""

    allow_hosts: tuple[str, ...] = ()
    """HOST or HOST:PORT."""
    allow_networks: tuple[str, ...] = ()
    """CIDRs."""
    timeout_seconds: Annotated[float, Meta(gt=0)] = 3.0
    """For one fetch of a token, which is two requests where the client authentication is not known yet."""


CredentialType = Literal["basic", "oauth2", "bearer", "apiKey"]
"""The types in `credentials.kinds`."""


class Auth(Model, frozen=True):
    """Who sets the credential: the tenant by `PUT /api/v1/proxy-config`, or only the platform team; and which."""

    management: Literal["tenant", "platform"] = "tenant"
    allowed_types: tuple[CredentialType, ...] | None = None
    """None: all."""
    token_endpoint: TokenEndpoint = TokenEndpoint()


class Issuer(Model, frozen=True):
    """Whose tokens are accepted; exactly one of `jwks_uri`, `jwks_file` and `jwks` (RFC 7517) is set."""

    issuer: str
    audiences: tuple[str, ...]
    kind: Literal["ocms", "user"]
    assume_email_verified: bool = False
    """Whether an email counts as verified where the token doesn't say."""
    jwks_uri: str | None = None
    jwks_file: str | None = None
    jwks: dict[str, Any] | None = None

    @property
    def key_sources(self) -> int:
        """How many sources of keys are configured."""
        return sum(source is not None for source in (self.jwks_uri, self.jwks_file, self.jwks))


class Admins(Model, frozen=True):
    """Which users may set the credential; nobody when all three are empty."""

    emails: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


class Cors(Model, frozen=True):
    """From which origins (RFC 6454) web pages may call the reads."""

    allowed_origins: tuple[str, ...]


class Access(Model, frozen=True):
    """Who may call the proxy; `trusted` means that an edge has already authenticated the reads."""

    mode: Literal["jwt", "trusted"] = "jwt"
    admins: Admins = Admins()
    issuers: tuple[Issuer, ...] = ()
    cors: Cors | UnsetType = UNSET


class Egress(Model, frozen=True):
    """Operator-wide lists of CIDRs (see `egress.Policy`)."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


class Tracing(Model, frozen=True, omit_defaults=True):
    """Spans, by OTLP over HTTP; what is not said here is said by OpenTelemetry's variables (see `tracing`)."""

    endpoint: str | None = None
    """The base URL of the collector; None, and no variable: there are no spans."""
    sampling_ratio: Annotated[float, Meta(ge=0, le=1)] | None = None
    """Which share is recorded of the traces that begin here; a caller's own decision comes first."""


class ProxyConfig(Model, frozen=True):
    """All configuration of one process, a proxy or a PosLog relay, except secrets."""

    version: int
    tenant: Tenant
    upstream: Upstream
    mapping: Mapping = Mapping()
    auth: Auth = Auth()
    access: Access = Access()
    egress: Egress = Egress()
    tracing: Tracing | UnsetType = UNSET
    poslog: Poslog | UnsetType = UNSET
    """What a PosLog relay has besides; a proxy has none."""


class _Versioned(msgspec.Struct):
    """What a configuration of any version has."""

    version: int


def decode(data: bytes, *, source: str) -> ProxyConfig:
    """Return the configuration in `data`, JSON; `source` names it in errors.

    Raises:
        ConfigError: It doesn't parse, has a wrong field, or is of another format version.

    """
    try:
        # First the version alone: another one may have other fields, which are then not what is wrong.
        version = msgspec.json.decode(data, type=_Versioned).version
        if version != VERSION:
            raise ConfigError(f"{source}: `version` is {version}; this proxy reads version {VERSION}")
        config = msgspec.json.decode(data, type=ProxyConfig)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{source}: {error}") from None
    for index, issuer in enumerate(config.access.issuers):
        if issuer.key_sources != 1:
            raise ConfigError(
                f"{source}: An issuer needs one of jwksUri, jwksFile and jwks - at `$.access.issuers[{index}]`"
            )
    return config


def encode(config: ProxyConfig) -> bytes:
    """Return `config` as indented JSON; the same configuration gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(config, order="sorted"), indent=2) + b"\n"


def load(path: Path) -> ProxyConfig:
    """Read the configuration file at `path`.

    Raises:
        ConfigError: The file can't be read, or see `decode`.

    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    return decode(data, source=str(path))
