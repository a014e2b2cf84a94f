"""What a new connection to the OMS costs the proxy: without TLS, with TLS, and where a TLS session is resumed.

The same read again and again, of OMSs that keep connections and of OMSs that end each after its answer; in turn,
by CPU time of the proxy's process. The differences are the cost of a connection, its end included.
"""

import contextlib
import datetime as dt
import ipaddress
import sys
import tempfile
from pathlib import Path
from statistics import mean, stdev
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bench.__main__ import QUICK, compare
from bench.processes import OTHER_CORE, PROXY_CORE, BenchError, Running, free_port, pinned, running, script
from bench.report import Sample
from bench.subjects import Operation, Subject, Workbench

_EFFORT: Final = QUICK._replace(rounds=10)


class _Oms(NamedTuple):
    """A kind of OMS."""

    name: str
    options: tuple[str, ...]
    tls: bool


_KEPT: Final = _Oms("kept", (), tls=False)
_NEW: Final = _Oms("new", ("--closes",), tls=False)
_TLS_KEPT: Final = _Oms("TLS, kept", (), tls=True)
_RESUMED: Final = _Oms("TLS, new, session resumed", ("--closes",), tls=True)
_FULL: Final = _Oms("TLS, new", ("--closes", "--no-tickets"), tls=True)
_ALL: Final = (_KEPT, _NEW, _TLS_KEPT, _RESUMED, _FULL)


def _certify(folder: Path) -> Path:
    """Write a CA where proxies look for it; return a file with a certificate for 127.0.0.1, and its key."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("CA", "oms")]
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in names]
    now = dt.datetime.now(dt.UTC)
    pems = []
    for name, key in zip(names, keys, strict=True):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=key is keys[0], path_length=None), critical=True)
        )
        if key is not keys[0]:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        pems.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(Encoding.PEM))
    (folder / "tls" / "ca").mkdir(parents=True)
    (folder / "tls" / "ca" / "ca.crt").write_bytes(pems[0])
    pair = folder / "pair.pem"
    pair.write_bytes(pems[1] + keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return pair


def _measure(folder: Path) -> dict[str, list[Sample]]:
    subjects: list[tuple[Subject, Running]] = []
    with contextlib.ExitStack() as stack:
        operation: Operation | None = None
        for number, oms in enumerate(_ALL):
            place = folder / str(number)
            place.mkdir()
            port = free_port()
            tls = ("--tls", _certify(place)) if oms.tls else ()
            command = [*script("upstream"), "--port", str(port), *tls, *oms.options]
            stack.enter_context(running(command, port, OTHER_CORE)).connect().close()
            workbench = Workbench(place, port, tls=oms.tls)
            operation = operation or workbench.get
            subject = workbench.trusted()._replace(name=oms.name)
            subjects.append((subject, stack.enter_context(running(subject.command, subject.port, PROXY_CORE))))
        assert operation is not None  # noqa: S101 - there is one of each
        return compare(subjects, operation, folder, _EFFORT)


def main() -> int:
    """Print the costs, and return the exit status."""
    with tempfile.TemporaryDirectory() as path, pinned(OTHER_CORE):
        try:
            samples = _measure(Path(path))
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 2
    cpu = {name: [sample.cpu * 1e6 for sample in found] for name, found in samples.items()}
    print(f"{'a read, by connection':<36} {'CPU us':>8}")
    for name, found in cpu.items():
        print(f"  {name:<34} {mean(found):8.0f} {_error(found)}")
    print("\na connection")
    for name, new, kept in (
        ("without TLS", _NEW, _KEPT),
        ("resumed", _RESUMED, _TLS_KEPT),
        ("full", _FULL, _TLS_KEPT),
    ):
        costs = [more - less for more, less in zip(cpu[new.name], cpu[kept.name], strict=True)]
        print(f"  {name:<34} {mean(costs):8.0f} {_error(costs)}")
    full, resumed = (
        [a - b for a, b in zip(cpu[x.name], cpu[_TLS_KEPT.name], strict=True)] for x in (_FULL, _RESUMED)
    )
    ratios = [a / b for a, b in zip(full, resumed, strict=True)]
    print(f"  {'full to resumed':<34} {mean(ratios):8.2f} {_error(ratios, 2)}")
    return 0


def _error(values: list[float], digits: int = 0) -> str:
    return f"+- {stdev(values) / len(values) ** 0.5:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())
