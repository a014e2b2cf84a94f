"""TLS, as a proxy makes it: from version 1.2 on, with the system's CAs or the tenant's own."""

import contextlib
import datetime as dt
import ipaddress
import ssl
import warnings
from typing import Final

from tenantproxy.conformance.check import BrokenRuleError, Group, NotTriedError, expect
from tenantproxy.conformance.kit import Kit

TLS: Final = Group("tls")

_SECURITY: Final = "docs/configuration.md#tls"
_WRONG_NAME: Final = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_UNREACHABLE: Final = "there is no connection; see http.reachable"
_SOON: Final = dt.timedelta(days=30)


@TLS.check(
    "https",
    rule="The OMS is called by https.",
    source=_SECURITY,
    fix="Use https: on the way, anyone can read the credential and the orders of plain http.",
    level="warning",
    needs=(),
    requests=0,
)
async def _https(kit: Kit) -> str:
    if not kit.address.is_https and _is_loopback(kit.address.host):
        raise NotTriedError("plain http on loopback is for trying out only")
    expect(kit.address.is_https, "The URL is one of plain http.")
    return ""


@TLS.check(
    "trusted",
    rule="The certificate is valid, and its chain ends at a CA that the proxy trusts.",
    source="RFC 5280 section 6",
    fix="Send the whole chain but the root (the intermediate certificate is often forgotten), renew what has "
    "expired, and for a CA of your own have the platform team set `upstream.tls.caSecretRef`.",
    needs=(),
    requests=0,
)
async def _trusted(kit: Kit) -> str:
    error = await _verification_error(kit)
    if error is not None and error.verify_code not in _WRONG_NAME:
        raise BrokenRuleError(f"{error.verify_message[:1].upper()}{error.verify_message[1:]}.")
    return ""


@TLS.check(
    "name",
    rule="The certificate has the name, or the address, of the URL.",
    source="RFC 9525 section 6",
    fix="Get a certificate with the URL's host among its subject alternative names, or use a host that it has.",
    needs=("tls.trusted",),
    requests=0,
)
async def _name(kit: Kit) -> str:
    error = await _verification_error(kit)
    expect(error is None, "" if error is None else f"{error.verify_message}.")
    return kit.address.host


@TLS.check(
    "expiry",
    rule="The certificate is valid for another 30 days.",
    source="RFC 5280 section 4.1.2.5",
    fix="Renew it, and have it renewed by a program: on the day it expires, no order is read.",
    level="warning",
    needs=("tls.name",),
    requests=0,
)
async def _expiry(kit: Kit) -> str:
    _need_tls(kit)
    _, certificate = await kit.address.handshake(kit.address.context())
    ends = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), dt.UTC)
    expect(ends - dt.datetime.now(dt.UTC) >= _SOON, f"It expires on {ends:%Y-%m-%d}.")
    return f"until {ends:%Y-%m-%d}"


@TLS.check(
    "version",
    rule="TLS 1.2 or later is spoken.",
    source="RFC 9325 section 3.1.1",
    fix="Turn on TLS 1.3, or 1.2 at least, with a cipher suite that has forward secrecy.",
    needs=(),
    requests=0,
)
async def _version(kit: Kit) -> str:
    _need_tls(kit)
    try:
        return await _version_with(kit, kit.address.context())
    except ssl.SSLCertVerificationError:
        return "agreed on, before the certificate was looked at"
    except (ssl.SSLError, ConnectionError) as error:
        why = getattr(error, "reason", None) or "the connection was closed"
        raise BrokenRuleError(f"There is no handshake from 1.2 on ({why}).") from None


@TLS.check(
    "old-versions",
    rule="TLS 1.0 and 1.1 are refused.",
    source="RFC 8996",
    fix="Turn them off. The proxy never uses them, but what else talks to your OMS can be made to.",
    level="warning",
    needs=("tls.version",),
    requests=0,
)
async def _old_versions(kit: Kit) -> str:
    _need_tls(kit)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # that is what is tried
        context = _old_context()
    try:
        version = await _version_with(kit, context)
    except ssl.SSLError as error:
        if error.reason == "NO_PROTOCOLS_AVAILABLE":
            raise NotTriedError("this machine's OpenSSL has no old versions to try") from None
        return f"refused ({error.reason})"
    except ConnectionError:
        return "refused"
    raise BrokenRuleError(f"The OMS speaks {version}.")


async def _version_with(kit: Kit, context: ssl.SSLContext) -> str:
    """Return the version that is agreed on.

    Raises:
        ConnectionError, ssl.SSLError: The OMS ends the handshake.
        NotTriedError: It is not reached.

    """
    try:
        version, _ = await kit.address.handshake(context)
    except ConnectionRefusedError:
        raise NotTriedError(_UNREACHABLE) from None
    except (ConnectionError, ssl.SSLError):
        raise
    except OSError:
        raise NotTriedError(_UNREACHABLE) from None
    return version


def _old_context() -> ssl.SSLContext:
    """Return a context for a handshake in which nothing is verified, as nothing is sent after it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    return context


async def _verification_error(kit: Kit) -> ssl.SSLCertVerificationError | None:
    _need_tls(kit)
    try:
        await kit.address.handshake(kit.address.context())
    except ssl.SSLCertVerificationError as error:
        return error
    except OSError:
        raise NotTriedError("there is no handshake; see tls.version") from None
    return None


def _need_tls(kit: Kit) -> None:
    if not kit.address.is_https:
        raise NotTriedError("the URL is one of plain http")
    if not kit.address.is_direct:
        raise NotTriedError("the way to the OMS is through a forward proxy")


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower().removesuffix(".").endswith("localhost")
