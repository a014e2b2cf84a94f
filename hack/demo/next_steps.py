"""What the reader can do next."""

from hack.demo.setup import Environment, RunningProxy
from hack.demo.steps import CONFIG_PATH, CUSTOMER, ORDER_PATH, ORDERS_PATH, SEARCH_PATH
from hack.demo.terminal import Terminal


def suggest_commands(environment: Environment, terminal: Terminal) -> None:
    """Print commands that work as pasted, while all is left running."""
    acme, globex = environment.acme, environment.globex
    json = "\\\n  -H 'Content-Type: application/json'"
    wrong = '{"type": "basic", "config": {"username": "acme", "password": "a-wrong-one"}}'
    ideas = {
        "Read an order:": f"curl {_bearer(environment, acme)} \\\n  {acme.api}{ORDER_PATH}",
        "Search:": f"curl {_bearer(environment, globex)} {json} \\\n"
        f'  {globex.api}{SEARCH_PATH} -d \'{{"customerId": "{CUSTOMER}"}}\'',
        "Try a write:": f"curl -i -X DELETE {_bearer(environment, acme)} \\\n  {acme.api}{ORDERS_PATH}/CO-1001",
        f"Set a wrong password; the right one is in {environment.shown_manifests}/acme.yaml:": (
            f"curl -i -X PUT {_bearer(environment, acme, admin=True)} {json} \\\n"
            f"  {acme.api}{CONFIG_PATH} -d '{wrong}'"
        ),
        "Let the OMS fail (then read an order), see what it counted, heal it:": (
            f"curl -X PUT {environment.oms}/_control -d '{{\"errorRate\": 1}}'\n"
            f"curl {environment.oms}/_control\n"
            f"curl -X PUT {environment.oms}/_control -d '{{}}'"
        ),
        "Metrics and readiness:": f"curl {acme.admin}/metrics\ncurl -i {acme.admin}/readyz",
    }
    terminal.line()
    terminal.title("Everything is left running. Try it, from another terminal:")
    for what, command in ideas.items():
        terminal.line()
        terminal.line(f"# {what}")
        terminal.line(command)
    terminal.line()
    terminal.line(f"Change a manifest in {environment.shown_manifests}: its proxy follows.")
    terminal.title("Ctrl-C stops everything.")


def list_next_steps(terminal: Terminal) -> None:
    """Say where to go on."""
    terminal.line("What next:")
    terminal.line("  make demo KEEP=1   leaves all this running and prints curl commands to try")
    terminal.line("  README.md          your first tenant: a manifest for your own OMS, in three steps")
    terminal.line("  examples/          the manifests of this demo, and of an OMS that speaks another shape")
    terminal.line("  docs/              the API and its errors, configuration, mapping, metrics")


def _bearer(environment: Environment, proxy: RunningProxy, *, admin: bool = False) -> str:
    tenant = proxy.tenant
    query = f"tenant={tenant.tenant_id}" + (f"&kind=user&email={tenant.admin_email}" if admin else "")
    return f"-H \"Authorization: Bearer $(curl -s '{environment.issuer}/token?{query}')\""
