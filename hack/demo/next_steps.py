"""What the reader can do next."""

from hack.demo.exchange import token_command
from hack.demo.setup import Environment, RunningProxy
from hack.demo.steps import CONFIG_PATH, CUSTOMER, ORDER_PATH, ORDERS_PATH, SEARCH_PATH
from hack.demo.terminal import Terminal


def suggest_commands(environment: Environment, terminal: Terminal) -> None:
    """Print commands that work as pasted, while all is left running."""
    acme, globex = environment.acme, environment.globex
    token = '-H "Authorization: Bearer $TOKEN"'
    json = "-H 'Content-Type: application/json'"
    wrong = '{"type":"basic","config":{"username":"acme","password":"wrong"}}'
    ideas = {
        "Read an order:": f"{_obtain(environment, acme)}\ncurl {token} \\\n  {acme.api}{ORDER_PATH}",
        "Search:": f"{_obtain(environment, globex)}\ncurl {token} \\\n  {json} \\\n"
        f'  -d \'{{"customerId": "{CUSTOMER}"}}\' \\\n  {globex.api}{SEARCH_PATH}',
        "Try a write:": f"{_obtain(environment, acme)}\n"
        f"curl -i -X DELETE {token} \\\n  {acme.api}{ORDERS_PATH}/CO-1001",
        f"Set a wrong password; the right one is in\n# {environment.shown_manifests}/acme.yaml:": (
            f"{_obtain(environment, acme, admin=True)}\n"
            f"curl -i -X PUT {token} \\\n  {json} \\\n  -d '{wrong}' \\\n  {acme.api}{CONFIG_PATH}"
        ),
        "Let the OMS fail (then read an order), see what it counted, heal it:": (
            f"curl -X PUT {environment.oms}/_control -d '{{\"errorRate\": 1}}'\n"
            f"curl {environment.oms}/_control\n"
            f"curl -X PUT {environment.oms}/_control -d '{{}}'"
        ),
        "Metrics and readiness:": f"curl {acme.admin}/metrics\ncurl -i {acme.admin}/readyz",
        "All tenants at a glance:": f"tenantproxy-operator top --local --state-dir {environment.state_dir}",
    }
    terminal.line()
    terminal.title("Everything is left running. Try it, from another terminal:")
    for what, command in ideas.items():
        terminal.line()
        terminal.line(f"# {what}")
        terminal.line(command)
    terminal.line()
    terminal.line(f"Change a manifest in {environment.shown_manifests}:\nits proxy follows.")
    terminal.title("Ctrl-C stops everything.")


def list_next_steps(terminal: Terminal) -> None:
    """Say where to go on."""
    terminal.line("What next:")
    terminal.line("  make demo KEEP=1   leaves all this running, prints curl commands to try")
    terminal.line("  README.md          your first tenant: a manifest for your OMS, in three steps")
    terminal.line("  examples/          the manifests of this demo, and of OMSs of other shapes")
    terminal.line("  docs/              the API and its errors, configuration, mapping, metrics")


def _obtain(environment: Environment, proxy: RunningProxy, *, admin: bool = False) -> str:
    tenant = proxy.tenant
    return token_command(
        "TOKEN", f"{environment.issuer}/token", tenant.tenant_id, tenant.admin_email if admin else None
    )
