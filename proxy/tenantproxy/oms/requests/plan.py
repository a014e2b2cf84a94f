"""How an operation becomes requests of the OMS: what the platform team says, compiled once."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from tenantproxy.config import Body, Criterion, Endpoint, OrderEndpoint, SearchEndpoint, Upstream
from tenantproxy.errors import FieldProblem
from tenantproxy.oms.requests.bodies import FormBody, JsonBody
from tenantproxy.oms.requests.criteria import CUSTOMER_ID, Criteria, invalid, pointer
from tenantproxy.oms.requests.fixed_headers import as_sent, check_header
from tenantproxy.oms.requests.ids import MAX_FORMS, PLAIN_IDS, Form, IdRule, compile_form, wider_ids
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.oms.requests.templates import (
    CRITERIA,
    Template,
    UnfitError,
    as_it_is,
    compile_template,
    literal,
    path_encoded,
    url_encoded,
)
from tenantproxy.operations import OPERATIONS, ORDER_ID, Operation
from tenantproxy.problems import Problem

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


class RequestPlan:
    """How the requests of one operation are made."""

    def __init__(self, operation: Operation, endpoint: Endpoint) -> None:
        """Compile.

        Raises:
            RequestError: It can't be used.

        """
        compiler = _Compiler(operation, endpoint)
        self._operation = operation.name
        self._method = endpoint.method
        self.headers = as_sent(endpoint.headers)
        """The fixed ones, and what the body is."""
        self.is_supported = not (isinstance(endpoint, SearchEndpoint) and endpoint.unsupported)
        self.criteria = compiler.criteria
        """None where there are none."""
        self.order_ids = compiler.order_ids
        """What the ids of orders may be."""
        self._forms = compiler.forms
        self._path = compiler.path
        self._query = compiler.query
        self._body = compiler.body
        self._names_criteria = compiler.names_criteria
        self._sends_documented_body = endpoint.method == "POST" and compiler.body is None
        self._is_documented = compiler.path_is_plain and not (self._forms or self._query or self._body)
        """But for literal parts of the path, in which nothing has to be checked."""
        if compiler.body is not None:
            self.headers["Content-Type"] = compiler.body.content_type
        elif self._sends_documented_body and operation.takes_criteria:
            self.headers["Content-Type"] = JsonBody.content_type

    def requests(
        self, ids: Values, criteria: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> tuple[OmsRequest, ...]:
        """Return the requests for checked ids and criteria: the next one is for where no order was found.

        Raises:
            Problem: `invalid-id` or `invalid-request`: a value can't stand where the OMS wants it.

        """
        if self._is_documented:
            body = _documented_body(criteria) if self._sends_documented_body else None
            return (OmsRequest(self._operation, self._method, self._path(ids), headers, body),)
        if not self._forms:
            return (self._request(ids, criteria, headers),)
        forms = dict.fromkeys(form(ids[ORDER_ID]) for form in self._forms)
        return tuple(
            self._request({**ids, ORDER_ID: form}, criteria, headers)._replace(order_id=form) for form in forms
        )

    def _request(self, ids: Values, criteria: Mapping[str, str] | None, headers: Mapping[str, str]) -> OmsRequest:
        values = ids
        if self._names_criteria and criteria is not None:
            values = {**ids, **{f"{CRITERIA}{name}": value for name, value in criteria.items()}}
        try:
            target = self._path(values)
            if self._query is not None and (query := self._query.text(values)):
                target = f"{target}?{query}"
            body = None if self._body is None else self._body.fill(values)
        except UnfitError as error:
            raise _unfit(error) from None
        if self._sends_documented_body:
            body = _documented_body(criteria)
        return OmsRequest(self._operation, self._method, target, headers, body)


def compile_requests(upstream: Upstream) -> dict[str, RequestPlan]:
    """Return how each operation is requested, by its name.

    Raises:
        RequestError: Of one or more that can't be used.

    """
    plans, errors = {}, []
    for operation in OPERATIONS:
        endpoint = upstream.operations.of(operation)
        try:
            plans[operation.name] = RequestPlan(operation, endpoint)
        except RequestError as error:
            errors += error.errors
        if (endpoint.max_connections or 0) > upstream.max_connections:
            more = f"is more than upstream.maxConnections, {upstream.max_connections}; lower it"
            errors.append(FieldProblem(f"{operation.name}.maxConnections", more))
    if errors:
        raise RequestError(errors)
    return plans


def _unfit(error: UnfitError) -> Problem:
    if error.name.startswith(CRITERIA):
        return invalid(FieldProblem(pointer(error.name.removeprefix(CRITERIA)), error.detail))
    problem = FieldProblem(f"/path/{error.name}", error.detail)
    return Problem("invalid-id", f"`{error.name}` {error.detail}.", errors=[problem])


class _Compiler:
    """Compiles one operation; goes on after an error, so that all are told at once."""

    def __init__(self, operation: Operation, endpoint: Endpoint) -> None:
        self._operation = operation
        self._errors: list[FieldProblem] = []
        given = endpoint.criteria if isinstance(endpoint, SearchEndpoint) else {}
        criteria = {CUSTOMER_ID, *given} if operation.takes_criteria else set()
        self._criteria = frozenset(f"{CRITERIA}{name}" for name in criteria)
        self._known = self._criteria.union(operation.placeholders)
        checked = {f"{CRITERIA}{name}" for name, each in given.items() if each.pattern is not None}
        if isinstance(endpoint, OrderEndpoint) and endpoint.id_pattern is not None:
            checked.add(ORDER_ID)
        self._checked = frozenset(checked)
        """Names whose values a pattern checks."""
        self.criteria: Criteria | None = None
        self.order_ids: IdRule = PLAIN_IDS
        self.forms: list[Form] = []
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
                compile_template(segment, self._known, path_encoded, checked=self._known, around=as_it_is)
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
                self.body = JsonBody(body.json, self._known, self._checked)
        return self.body.names if self.body else frozenset()

    def _pairs(self, pairs: Mapping[str, str], field: str) -> FormBody:
        templates = {}
        for name, text in pairs.items():
            with self._reporting(f"{field}[{name}]"):
                templates[literal(name)] = compile_template(text, self._known, url_encoded, checked=self._checked)
        return FormBody(templates)

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


def _documented_body(criteria: Mapping[str, str] | None) -> bytes:
    """Return the body of a POST of which the platform team says none."""
    return b"" if criteria is None else msgspec.json.encode(criteria)
