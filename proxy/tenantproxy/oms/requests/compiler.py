"""Compile how an operation is requested: all checks of what the platform team says, once."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from tenantproxy.config import Body, Criterion, Endpoint, OrderEndpoint, Pages, Probe, SearchEndpoint
from tenantproxy.errors import FieldProblem
from tenantproxy.oms.requests.bodies import FormBody, JsonBody
from tenantproxy.oms.requests.criteria import CUSTOMER_ID, Criteria
from tenantproxy.oms.requests.fixed_headers import check_header
from tenantproxy.oms.requests.ids import MAX_FORMS, NO_ID, PLAIN_IDS, Form, IdRule, compile_form, wider_ids
from tenantproxy.oms.requests.paging import PLACEHOLDERS, Paging, check_pages
from tenantproxy.oms.requests.templates import (
    CRITERIA,
    PAGE_CURSOR,
    Template,
    UnfitError,
    as_it_is,
    compile_template,
    literal,
    path_encoded,
    url_encoded,
)
from tenantproxy.operations import BUSINESS_UNIT_ID, ORDER_ID, Operation

Values = Mapping[str, str]
_PATH: Final = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|\{[A-Za-z0-9_.]+(?:\|[a-z]+)?\})*")
_PATH_NAMES: Final = re.compile(r"\{([A-Za-z0-9_.]+)")
_PLAIN: Final = re.compile(r"(?:[^{}]|\{\w+\})*")
_CRITERION: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_UNSUPPORTED: Final = SearchEndpoint(unsupported=True)


class RequestError(ValueError):
    """What is wrong with how operations are requested; the fields' paths begin below `upstream.operations`."""

    def __init__(self, errors: list[FieldProblem]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors))
        self.errors = errors


class EndpointCompiler:
    """Compiles one operation; goes on after an error, so that all are told at once."""

    def __init__(self, operation: Operation, endpoint: Endpoint, base: str) -> None:
        self._operation = operation
        self._errors: list[FieldProblem] = []
        given = endpoint.criteria if isinstance(endpoint, SearchEndpoint) else {}
        criteria = {CUSTOMER_ID, *given} if operation.takes_criteria else set()
        self._criteria = frozenset(f"{CRITERIA}{name}" for name in criteria)
        self._known = self._criteria.union(operation.placeholders)
        """In paths; in query and body there are those for pages, too."""
        pages = endpoint.pages if isinstance(endpoint, SearchEndpoint) else None
        self._known_beside_path = self._known | PLACEHOLDERS if pages is not None else self._known
        checked = {f"{CRITERIA}{name}" for name, each in given.items() if each.pattern is not None}
        if isinstance(endpoint, OrderEndpoint) and endpoint.id_pattern is not None:
            checked.add(ORDER_ID)
        self._checked = frozenset(checked)
        """Names whose values a pattern checks."""
        self.criteria: Criteria | None = None
        self.order_ids: IdRule = PLAIN_IDS
        self.forms: list[Form] = []
        self.probe: Values = {}
        if isinstance(endpoint, OrderEndpoint):
            self._compile_ids(endpoint)
        if isinstance(endpoint, SearchEndpoint):
            self._compile_criteria(endpoint.criteria)
        used = [
            self._compile_path(endpoint.path),
            self._compile_query(endpoint.query),
            self._compile_body(endpoint.method, endpoint.body),
        ]
        if len({name.lower() for name in endpoint.headers}) < len(endpoint.headers):
            self._report("headers", "has a name twice, in other letters; remove one")
        for name, value in endpoint.headers.items():
            with self._reporting(f"headers[{name}]"):
                check_header(name, value)
        names = frozenset[str]().union(*used)
        self.names_criteria = bool(names & self._criteria)
        self.paging: Paging | None = None
        if pages is not None and not self._errors:
            self._compile_pages(pages, names, endpoint.method, base)
        if not self._errors:
            self._check_use(names, endpoint)
        if self._errors:
            raise RequestError(self._errors)

    @contextlib.contextmanager
    def _reporting(self, field: str) -> Iterator[None]:
        """Record what is raised about a field."""
        try:
            yield
        except ValueError as error:
            self._report(field, str(error))

    def _report(self, field: str, detail: str) -> None:
        self._errors.append(FieldProblem(f"{self._operation.name}.{field}".rstrip("."), detail))

    def _compile_ids(self, endpoint: OrderEndpoint) -> None:
        if endpoint.id_pattern is not None:
            with self._reporting("idPattern"):
                self.order_ids = wider_ids(endpoint.id_pattern)
        if len(endpoint.ids) > MAX_FORMS:
            self._report("ids", f"has more than {MAX_FORMS} forms; each is a call of the OMS")
        for index, text in enumerate(endpoint.ids[:MAX_FORMS]):
            with self._reporting(f"ids[{index}]"):
                self.forms.append(compile_form(text))
        if not self._errors:
            self._compile_probe(endpoint.probe or Probe())

    def _compile_probe(self, probe: Probe) -> None:
        unit, order = probe.business_unit_id, probe.customer_order_id
        if unit is not None and not PLAIN_IDS.holds(unit):
            self._report(f"probe.{BUSINESS_UNIT_ID}", PLAIN_IDS.detail)
        if order is not None and not self.order_ids.holds(order):
            self._report(f"probe.{ORDER_ID}", self.order_ids.detail)
        if order is None and (order := self.order_ids.example) is None:
            self._report(f"probe.{ORDER_ID}", "is missing, as no id is known that idPattern allows; set one")
        self.probe = {BUSINESS_UNIT_ID: unit or NO_ID, ORDER_ID: order or NO_ID}

    def _compile_criteria(self, given: Mapping[str, Criterion]) -> None:
        for name, criterion in given.items():
            if not _CRITERION.fullmatch(name):
                self._report(f"criteria.{name}", "is not a name; write a letter, then letters, digits or _")
            with self._reporting(f"criteria.{name}.pattern"):
                Criteria({name: criterion})
        if not self._errors:
            self.criteria = Criteria(given)

    def _compile_path(self, path: str) -> frozenset[str]:
        """Set what makes the target's path; return the names of its placeholders."""
        segments: list[Template] = []
        with self._reporting("path"):
            names = ", ".join(f"{{{name}}}" for name in sorted(self._known))
            if not _PATH.fullmatch(path):
                raise ValueError(f"is not a path; it starts with / and may hold {names}, but no query, % or space")
            if path.startswith("//"):
                raise ValueError("has // in front, which is read as a host; write one /")
            if any(segment in (".", "..") for segment in path.split("/")):
                raise ValueError("has a dot segment; write the path out")
            if unknown := sorted(set(_PATH_NAMES.findall(path)) - self._known):
                raise ValueError(f"has the unknown placeholder {{{unknown[0]}}}; it may hold {names}")
            segments += [
                compile_template(
                    segment,
                    self._known,
                    path_encoded,
                    checked=self._known,
                    of_segment=self._checked | {ORDER_ID},
                    around=as_it_is,
                )
                for segment in path.split("/")
            ]
        used = frozenset[str]().union(*(segment.names for segment in segments))
        self.path_is_plain = self.order_ids is PLAIN_IDS and not self.forms and _PLAIN.fullmatch(path) is not None
        if self.path_is_plain:
            self.path: Callable[[Values], str] = path.format_map  # ids need no encoding
        else:
            self.path = lambda values: "/".join([segment.fill(values) for segment in segments])
        return used

    def _compile_query(self, query: Mapping[str, str]) -> frozenset[str]:
        self.query = self._pairs(query, "query") if query else None
        return self.query.names if self.query else frozenset()

    def _compile_body(self, method: str, body: Body | None) -> frozenset[str]:
        self.body: JsonBody | FormBody | None = None
        if body is None:
            return frozenset()
        if method == "GET":
            self._report("body", "goes with no GET; set method: POST")
        if (body.json is None) == (body.form is None):
            self._report("body", "needs one of json and form")
        elif body.form is not None:
            self.body = self._pairs(body.form, "body.form")
        elif body.json is not None:
            with self._reporting("body.json"):
                self.body = JsonBody(body.json, self._known_beside_path, self._checked)
        return self.body.names if self.body else frozenset()

    def _pairs(self, pairs: Mapping[str, str], field: str) -> FormBody:
        templates = {}
        for name, text in pairs.items():
            with self._reporting(f"{field}[{name}]"):
                templates[literal(name)] = compile_template(
                    text, self._known_beside_path, url_encoded, checked=self._checked
                )
        return FormBody(templates)

    def _compile_pages(self, pages: Pages, used: frozenset[str], method: str, base: str) -> None:
        errors = [*check_pages(pages, used, method)]
        self.paging = Paging(pages, base, errors)
        if PAGE_CURSOR in used and not self._can_begin():
            errors.append(
                FieldProblem(
                    "cursor",
                    f"has {{{PAGE_CURSOR}}} in one text or element of a list with a criterion, but the first "
                    "page has none; give it a parameter or member of its own",
                )
            )
        for error in errors:
            self._report(f"pages.{error.field}", error.detail)

    def _can_begin(self) -> bool:
        """Return whether there is a request with all criteria, but without a cursor."""
        values = dict.fromkeys(self._known_beside_path - {PAGE_CURSOR}, "1")
        try:
            for part in (self.query, self.body):
                if part is not None:
                    part.fill(values)
        except UnfitError as error:
            return error.name != PAGE_CURSOR
        return True

    def _check_use(self, used: frozenset[str], endpoint: Endpoint) -> None:
        """Check that what is asked for reaches the OMS."""
        if self._operation.reads_one_order and ORDER_ID not in used:
            where = "path" if endpoint.body is None and not endpoint.query else ""
            self._report(where, f"has no {{{ORDER_ID}}}; every order would be the same one")
        if isinstance(endpoint, SearchEndpoint) and endpoint.unsupported and endpoint != _UNSUPPORTED:
            self._report("unsupported", "is true, so that no search is sent; remove the fields beside it")
        documented = endpoint.method == "POST" and self.body is None
        if not documented and (unused := sorted(self._criteria - used)):
            self._report("", f"has no {{{unused[0]}}} in path, query or body; the criterion would be lost")
