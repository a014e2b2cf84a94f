"""The fast OMS (bench/peers/load): the answers of bench/upstream.py, over http or https, with a token endpoint."""

import contextlib
import json
import ssl
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import payloads
from bench.peers.build import build
from bench.processes import OTHER_CORE, BenchError, Running, free_port, running

TOKEN_PATH: Final = "/oauth2/token"
_START_TIMEOUT: Final = 10.0
BROKEN_ORDER: Final = "66ABC00000000099999"
"""The id of an order that breaks the contract."""


def _broken_order() -> dict[str, Any]:
    document = payloads.order()
    order = document["customerOrder"]
    order["customerOrderId"] = BROKEN_ORDER
    del order["customerId"], order["items"][1]["unitPrice"]
    return document


_ANSWERS: Final = {
    f"GET {payloads.GET_PATH}": payloads.order,
    f"GET {payloads.GET_PATH.replace(payloads.ORDER, BROKEN_ORDER)}": _broken_order,
    f"POST {payloads.SEARCH_PATH}": payloads.search,
    f"GET {payloads.MAPPED_GET_PATH}": payloads.mapped_order,
    f"POST {payloads.MAPPED_SEARCH_PATH}": payloads.mapped_search,
}


class Counts(msgspec.Struct):
    """What an OMS has seen."""

    connections: int
    full_handshakes: int
    resumed_handshakes: int
    requests: int
    tokens: int


@dataclass(frozen=True)
class Oms:
    """A running OMS."""

    url: str
    process: Running
    ca: Path | None
    """Of its certificate, where it is served over TLS."""

    def counts(self) -> Counts:
        """Return what it has seen."""
        context = None if self.ca is None else ssl.create_default_context(cafile=str(self.ca))
        with urllib.request.urlopen(f"{self.url}/counts", context=context, timeout=10) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read(), type=Counts)


@contextlib.contextmanager
def oms(folder: Path, *, tls: bool = False, **options: str) -> Iterator[Oms]:
    """Run an OMS, with a folder for its files; `options` are flags of load/oms.go, such as `delay="5ms"`.

    Raises:
        BenchError: It does not come up.
        MissingError: It can't be built.

    """
    folder.mkdir(parents=True, exist_ok=True)
    answers = folder / "answers.json"
    answers.write_text(
        json.dumps({name: answer() for name, answer in _ANSWERS.items()}, ensure_ascii=False), encoding="utf-8"
    )
    port = free_port()
    flags = {"listen": f"127.0.0.1:{port}", "answers": str(answers), "tenant": payloads.TENANT, **options}
    command: list[str | Path] = [
        build("load"),
        "oms",
        *(f"-{name.replace('_', '-')}={value}" for name, value in flags.items()),
    ]
    ca = folder / "ca.pem" if tls else None
    if ca is not None:
        ca.unlink(missing_ok=True)
        command.append(f"-tls={folder}")
    with running(command, port, OTHER_CORE) as process:
        process.connect().close()
        _wait_for(ca)
        yield Oms(f"{'https' if tls else 'http'}://127.0.0.1:{port}", process, ca)


def _wait_for(ca: Path | None) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while ca is not None and not ca.exists():
        if time.monotonic() > deadline:
            raise BenchError("the OMS writes no CA")
        time.sleep(0.01)
