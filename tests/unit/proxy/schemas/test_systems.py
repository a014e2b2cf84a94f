"""The manifests of examples/systems against schemas in the shapes that these systems document."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from tenantproxy.cli.main import main as proxy
from tenantproxy_operator.cli.main import main as operator

ROOT: Final = Path(__file__).parents[4]
SYSTEMS: Final = Path(__file__).parent / "systems"
IDENTITY: Final = """
apiVersion: proxy.hiiretail.com/v1alpha1
kind: TenantProxy
metadata: {name: own, namespace: tenants}
spec: {tenantId: T, upstream: {url: https://oms.example.com/api/v1}, access: {mode: trusted}}
"""


def checked(directory: Path, manifest: str, schema: Path, *options: str) -> Result:
    """Return what `map --openapi` says of a manifest."""
    (directory / "manifest.yaml").write_text(manifest)
    rendered = CliRunner().invoke(operator, ["render", "-f", f"{directory}/manifest.yaml", "--output", "config"])
    assert rendered.exit_code == 0, rendered.stderr
    (directory / "config.json").write_text(rendered.stdout)
    given = ["--config", f"{directory}/config.json", "--openapi", str(schema)]
    return CliRunner().invoke(proxy, ["map", *given, *options])


def of_system(directory: Path, system: str, old: str = "", new: str = "") -> Result:
    """Return what is said of the manifest of a system, with something changed in it."""
    (schema,) = SYSTEMS.glob(f"{system}.*")
    manifest = (ROOT / "examples" / "systems" / system / "manifest.yaml").read_text()
    assert old in manifest
    return checked(directory, manifest.replace(old, new), schema)


def test_our_own_contract(tmp_path: Path) -> None:
    """The documented responses fit themselves, without a word."""
    result = checked(tmp_path, IDENTITY, ROOT / "docs" / "openapi.yaml")
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    ("system", "may_be_absent"),
    [
        ("shopify-rest", []),
        ("sylius", []),
        # An order's number is optional there.
        ("commercetools", ["getOrder.customerOrderId", "searchOrders.customerOrderId"]),
        # Its schemas require nothing.
        (
            "sfcc-ocapi",
            [
                *(f"getOrder.{name}" for name in ("customerOrderId", "status", "items.itemId", "items.unitPrice")),
                *("searchOrders.customerOrderId", "searchOrders.status"),
            ],
        ),
    ],
)
def test_systems(system: str, may_be_absent: list[str], tmp_path: Path) -> None:
    """No error, and no warning but of what may be absent."""
    result = of_system(tmp_path, system)
    rules = [
        line.split()[1].removeprefix("mapping.").replace(".fields", "") for line in result.stderr.splitlines()
    ]
    assert (result.exit_code, rules) == (0, may_be_absent)
    assert result.stderr.count("may be absent or null") == len(may_be_absent)


@pytest.mark.parametrize(
    ("system", "old", "new", "line"),
    [
        (
            "shopify-rest",
            "customerOrderId: {from: /id, as: string}",
            "customerOrderId: {from: /id}",
            (
                "error: getOrder.fields.customerOrderId.from `/id` is an integer in the schema; the output field"
                " is a string; add `as: string` (see #/components/schemas/Order/properties/id)"
            ),
        ),
        (
            "shopify-rest",
            "[null, null, restocked]",
            "[null, null, restoked]",
            (
                "warning: getOrder.fields.status.table.rows has `restoked`, which the schema does not list;"
                " correct or remove (see #/components/schemas/Order/properties/fulfillment_status)"
            ),
        ),
        (
            "commercetools",
            "Complete: FULFILLED, ",
            "",
            (
                "error: searchOrders.fields.status.values lists nothing for `Complete`, which the schema has; add"
                " that, or `default` (see #/components/schemas/OrderState)"
            ),
        ),
        (
            "commercetools",
            "              scaleFrom: 1/fractionDigits\n",
            "              as: number\n",
            "warning: getOrder.fields.items.fields.unitPrice takes `centAmount` as it is",
        ),
        (
            "commercetools",
            "scaleFrom: 1/fractionDigits",
            "scaleFrom: 1/fractionDigit",
            (
                "warning: getOrder.fields.items.fields.unitPrice.scaleFrom `/money/fractionDigit` is not in the"
                " schema; is `/money/fractionDigits` meant?"
            ),
        ),
        (
            "commercetools",
            "andEach: [/customLineItems]",
            "andEach: [/customLineItem]",
            (
                "warning: getOrder.fields.items.andEach[0] `/customLineItem` is not in the schema; is"
                " `/customLineItems` meant?"
            ),
        ),
        (
            "sylius",
            ", scale: 2}",
            "}",
            "warning: getOrder.fields.items.fields.unitPrice.from takes an amount as it is from an integer",
        ),
        (
            "sylius",
            "root: /hydra:member",
            "root: /member",
            "warning: searchOrders.root `/member` is not in the schema; is `/hydra:member` meant?",
        ),
        (
            "sfcc-ocapi",
            "{from: /data/status,",
            "{from: /status,",
            "warning: searchOrders.fields.status.from `/status` is not in the schema",
        ),
        (
            "sfcc-ocapi",
            "each: /product_items",
            "each: /customer_info",
            "error: getOrder.fields.items.each `/customer_info` is an object in the schema; a list must be",
        ),
    ],
)
def test_mistakes(system: str, old: str, new: str, line: str, tmp_path: Path) -> None:
    """A mistake in a manifest is told, by the rule and the schema; status 1 if it is an error."""
    result = of_system(tmp_path, system, old, new)
    lines = result.stderr.replace(": mapping.", ": ").splitlines()
    assert any(each.startswith(line) for each in lines), lines
    assert result.exit_code == line.startswith("error")
