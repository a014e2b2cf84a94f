"""No value of a Secret is anywhere but in that Secret: in no object, log line, Event or metric."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from support.apiserver.client import ApiClient
from support.apiserver.fault_proxy import Between, Call, plain, refusal
from support.apiserver.server import ApiServer
from support.certificates import Authority
from support.operator.process import OperatorProcess
from support.operator.tenants import Tenants, Thing, child_name
from support.waiting import PATIENCE
from tenantproxy.credentials import formats
from tenantproxy_operator.kube import kinds

CLUSTER_WIDE = False  # what is read, logged and written is the same
OPTIONS = ("--check-interval=0.5", "--log-level=debug")


class Marks:
    """Values that are found again, in whatever form."""

    def __init__(self) -> None:
        self._values: list[bytes] = []
        self._forms: set[bytes] = set()

    def new(self, before: str = "", after: str = "") -> str:
        """Return a value that is nowhere else."""
        value = f"M4RK{secrets.token_hex(8)}"
        self.add(value.encode())
        self.add(f"{before}{value}{after}".encode())
        return f"{before}{value}{after}"

    def add(self, value: bytes) -> None:
        """Look for this value, too: as it is, in base64 at any place, in hex, and its usual digests."""
        self._values.append(value)
        self._forms |= {value, value.hex().encode(), json.dumps(value.decode(errors="replace"))[1:-1].encode()}
        for shift in range(3):
            # What surrounds it changes the characters at its ends.
            whole = base64.b64encode(b"\0" * shift + value)
            self._forms |= {whole[4 : len(whole) // 4 * 4 - 4]}
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            digest = hashlib.new(name, value).digest()
            self._forms |= {digest.hex().encode(), base64.b64encode(digest)}
        for size in (8, 16, 32):
            self._forms.add(hashlib.blake2b(value, digest_size=size).hexdigest().encode())

    def add_digest(self, data: dict[str, str]) -> None:
        """Look for the digest of a whole credential, too, of which short passwords could be guessed."""
        credential = formats.from_secret(data)
        assert credential is not None
        self._forms.add(formats.digest(credential).encode())

    def found_in(self, text: bytes) -> list[bytes]:
        return sorted(form for form in self._forms if form in text)


@pytest.fixture
async def between(api_server: ApiServer, tmp_path: Path) -> AsyncIterator[Between]:
    """Stand between the operator and the API server."""
    async with Between.running(api_server, tmp_path) as between:
        yield between


@pytest.fixture
async def operator(launch: Callable[..., OperatorProcess], between: Between) -> AsyncIterator[OperatorProcess]:
    """Run an operator that talks to what is in between."""
    operator = launch(url=between.url, ca=between.ca)
    await asyncio.to_thread(operator.start_ready)
    yield operator
    await asyncio.to_thread(operator.stop_if_running)


async def everything(api: ApiClient) -> AsyncIterator[Thing]:
    """Yield all objects of all kinds that the API server holds."""
    _, groups = await api.request("GET", "/apis")
    roots = ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups["groups"])]
    for root in roots:
        _, known = await api.request("GET", root)
        for resource in known["resources"]:
            if "list" in resource["verbs"]:
                status, found = await api.request("GET", f"{root}/{resource['name']}")
                assert status == 200, found
                for item in found["items"]:
                    yield {"resource": resource["name"]} | item


def without_contents(thing: Thing) -> Thing:
    """Return an object without that in which values may be: a Secret's data."""
    return {key: value for key, value in thing.items() if (thing["resource"], key) != ("secrets", "data")}


def oauth2(marks: Marks, **more: str) -> dict[str, str]:
    return {
        "clientId": marks.new(),
        "clientSecret": marks.new("ü ", "\n"),
        "authUrl": marks.new("https://", ".example/token"),
        "scope": marks.new(),
        "audience": marks.new(),
        "extraParams": json.dumps({marks.new(): marks.new()}),
    } | more


def bearer(marks: Marks, **more: str) -> dict[str, str]:
    return {"bearerToken": marks.new()} | more


def api_key(marks: Marks, **more: str) -> dict[str, str]:
    names = ("headerName", "headerValue", "secondHeaderName", "secondHeaderValue")
    return {name: marks.new() for name in names} | more


def contents(marks: Marks) -> Iterator[tuple[dict[str, str] | dict[str, bytes], str]]:
    """Yield what a tenant's Secret holds, one after the other, and the reason that it leads to."""
    good = {"username": marks.new(), "password": marks.new()}
    marks.add_digest(good)
    yield good, "CredentialsSet"
    yield good | {"password": marks.new()}, "CredentialsSet"
    better = oauth2(marks)
    marks.add_digest(better)
    yield better, "CredentialsSet"
    for other in (bearer(marks), api_key(marks), {"username": marks.new(), "password": ""}):
        marks.add_digest(other)
        yield other, "CredentialsSet"
        yield other | oauth2(marks), "CredentialsInvalid"
    yield bearer(marks, bearerToken=marks.new(after=" x")), "CredentialsInvalid"
    yield api_key(marks, headerName=marks.new(after=":")), "CredentialsInvalid"
    yield api_key(marks, secondHeaderValue=marks.new(after="\r\nx: y")), "CredentialsInvalid"
    yield oauth2(marks, tokenHeader=marks.new(after=":")), "CredentialsInvalid"
    yield good | oauth2(marks), "CredentialsInvalid"
    yield {"username": marks.new()}, "CredentialsInvalid"
    yield {"username": marks.new(after=":"), "password": marks.new(after="\r\nx: y")}, "CredentialsInvalid"
    yield {"type": marks.new()}, "CredentialsInvalid"
    for url in (marks.new("http://", ".example"), marks.new("https://u:", "@x.example"), marks.new("://[")):
        yield oauth2(marks, authUrl=url), "CredentialsInvalid"
    for extra in (marks.new('{"a": "'), json.dumps({"scope": marks.new()}), json.dumps({"a": [marks.new()]})):
        yield oauth2(marks, extraParams=extra), "CredentialsInvalid"
    yield oauth2(marks, clientAuth=marks.new()), "CredentialsInvalid"
    yield oauth2(marks, scope=marks.new(after="\u00e9\n\n")), "CredentialsInvalid"
    yield (
        {"username": b"\xff" + marks.new().encode(), "password": marks.new().encode() + b"\xfe"},
        "CredentialsInvalid",
    )
    yield {"other": marks.new()}, "CredentialsMissing"


async def set_contents(tenants: Tenants, secret: str, values: dict[str, Any]) -> None:
    """Give a Secret these contents and no others."""
    thing = await tenants.child(kinds.SECRET, secret)
    assert thing is not None
    data = {
        key: base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
        for key, value in values.items()
    }
    await tenants.call("PUT", kinds.SECRET.path(tenants.namespace, secret), thing | {"data": data})


def garbled(thing: Thing) -> list[web.Response]:
    """Return answers to a read of a Secret that can't be read, or that say more than they should."""
    whole = json.dumps(thing)
    wrong = json.dumps(thing | {"data": [thing["data"]]})
    odd = json.dumps(thing | {"data": {key: {"a": value} for key, value in thing["data"].items()}})
    html = f"<html>{whole}</html>"
    texts = (whole[:-20], wrong, odd, html, json.dumps([thing]))
    return [
        *(web.Response(text=text, content_type="application/json") for text in texts),
        web.Response(status=502, text=html, content_type="text/html"),
        refusal(403, "Forbidden", "words"),
        refusal(500, "InternalError", "words"),
    ]


async def good_and_bad_contents(tenants: Tenants, marks: Marks, name: str) -> None:
    """Give a tenant one credential after the other."""
    for values, reason in contents(marks):
        await set_contents(tenants, child_name(kinds.SECRET, name), values)
        await tenants.condition(name, "CredentialsReady", reason=reason)
        await tenants.flush(name)


async def answers_that_can_not_be_read(tenants: Tenants, marks: Marks, between: Between, name: str) -> None:
    """Have reads of the Secret answered by all sorts of things."""
    secret = child_name(kinds.SECRET, name)
    await set_contents(tenants, secret, oauth2(marks))
    await tenants.flush(name)
    thing = await tenants.child(kinds.SECRET, secret)
    assert thing is not None
    for answer in garbled(thing):
        asked = asyncio.Event()

        async def play(
            call: Call, answer: web.Response = answer, asked: asyncio.Event = asked
        ) -> web.Response | None:
            if (call.method, call.name) != ("GET", secret):
                return None
            asked.set()
            return web.Response(body=answer.body, status=answer.status, content_type=answer.content_type)

        between.play = play
        await set_contents(tenants, secret, oauth2(marks))
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
    between.play = plain
    await tenants.flush(name)


async def tls_secrets(tenants: Tenants, marks: Marks, name: str) -> None:
    """Refer to a good key, and to wrong ones."""
    pairs = [Authority().issue("client.example") for _ in range(2)]
    for pair in pairs:
        for line in (*pair.key.splitlines()[1:-1], *pair.certificate.splitlines()[1:-1]):
            marks.add(line.encode())
    tls = f"{name}-tls"
    client = {"clientCertificateSecretRef": {"name": tls}}
    await tenants.put(kinds.SECRET, tls, {"stringData": pairs[0].tls_keys})
    await tenants.change(name, {"spec.upstream.tls": client})
    await tenants.settled(name)
    for wrong in ({"tls.key": pairs[1].key}, {"tls.key": marks.new()}, {"tls.crt": pairs[1].key[:-40]}):
        await tenants.patch(kinds.SECRET, tls, {"stringData": wrong})
        await tenants.condition(name, "Accepted", reason="TLSSecretInvalid")
        await tenants.flush(name)
    await tenants.change(name, {"spec.upstream.tls": {"caSecretRef": {"name": tls}}})
    await tenants.patch(kinds.SECRET, tls, {"stringData": {"ca.crt": pairs[1].key + marks.new()}})
    await tenants.condition(name, "Accepted", reason="TLSSecretInvalid")
    await tenants.change(name, {"spec.upstream.tls": ...})
    await tenants.settled(name)


async def test_no_value_anywhere(
    api: ApiClient, operator: OperatorProcess, tenants: Tenants, between: Between, name: str
) -> None:
    """Good and bad contents, changes, errors, a restart, deletions, all at the most talkative log level."""
    marks = Marks()
    secret = child_name(kinds.SECRET, name)
    await tenants.complete(name)
    await good_and_bad_contents(tenants, marks, name)
    await answers_that_can_not_be_read(tenants, marks, between, name)
    await tls_secrets(tenants, marks, name)
    await tenants.change(name, {"spec.auth": {"management": "platform"}})
    await tenants.settled(name)
    metrics = operator.exposition()
    await asyncio.to_thread(operator.stop)
    await set_contents(tenants, secret, oauth2(marks))
    await asyncio.to_thread(operator.start_ready)
    await tenants.condition(name, "CredentialsReady", reason="CredentialsSet")
    await tenants.flush(name)
    # All that is there now, and not only what the deletions leave.
    things = [thing async for thing in everything(api)]
    await tenants.remove(kinds.SECRET, secret)
    await tenants.condition(name, "CredentialsReady", reason="SecretMissing")
    await tenants.delete(name)
    await tenants.created(f"{name}-next")
    things += [thing async for thing in everything(api)]

    resources = {thing["resource"] for thing in things}
    assert {"tenantproxies", "configmaps", "events", "deployments", "secrets", "roles"} <= resources
    assert marks.found_in(json.dumps(things).encode()), "the search finds nothing at all"
    for thing in things:
        assert marks.found_in(json.dumps(without_contents(thing)).encode()) == [], thing["metadata"]
    log = operator.log
    assert '"level":"debug"' in log
    assert f"{tenants.namespace}/{name}: an answer that can't be read" in log
    assert marks.found_in(log.encode()) == []
    assert marks.found_in((metrics + operator.exposition()).encode()) == []
