"""What the reader has to know before the first step."""

from typing import Final
from urllib.parse import urlsplit

from hack.demo.setup import Environment
from hack.demo.terminal import Terminal
from tenantproxy.operations import API_PREFIX

_INTRODUCTION: Final = (
    "In proxy mode, Hii Retail's Customer Order service reads a retailer's (a tenant's) orders live from the "
    "tenant's own order management system (OMS). TenantProxy runs one small proxy per tenant, from one manifest "
    "per tenant: it checks who asks, adds the tenant's credential, brings the answer to the documented shape, and "
    "lets nothing but reads through. What follows are real processes and real HTTP requests, on this machine."
)
_OVERVIEW: Final = """
   curl --token--> acme's proxy   {acme} --Basic---+
                                                   +--> OMS {oms} (mock-oms)
   curl --token--> globex's proxy {globex} --OAuth2--+

   dev-issuer {issuer} makes the clients' tokens.
   tenantproxy-operator local runs the proxies, from
   {manifests}/*.yaml.
"""


def print_introduction(terminal: Terminal) -> None:
    """Say what this is about."""
    terminal.title("TenantProxy: from two manifests to two tenants' orders")
    terminal.line()
    terminal.paragraph(_INTRODUCTION)


def print_overview(environment: Environment, terminal: Terminal, *, seconds: float) -> None:
    """Show what runs, and where."""
    ports = {
        name: f":{urlsplit(url).port}".ljust(6)
        for name, url in {
            "acme": environment.acme.api,
            "globex": environment.globex.api,
            "oms": environment.oms,
            "issuer": environment.issuer,
        }.items()
    }
    terminal.line()
    terminal.line(f"All of it runs, after {seconds:.1f} s:")
    terminal.line(_OVERVIEW.rstrip().format(**ports, manifests=environment.shown_manifests))
    terminal.line()
    terminal.define("ACME", environment.acme.api + API_PREFIX)
    terminal.define("GLOBEX", environment.globex.api + API_PREFIX)
    terminal.define("ISSUER", environment.issuer)
