"""Write what the chart has from elsewhere; with --check, say what of it is stale instead (exit status 1).

| file of charts/tenantproxy | comes from |
| --- | --- |
| files/tenantproxies.yaml | the models: the CustomResourceDefinition |
| templates/_rules.tpl | `tenantproxy_operator.render.operator_rbac`: the operator's rights |
| templates/_constants.tpl | `tenantproxy_operator.api.constant_rules`: the types of a mapping's constants |
| templates/_networks.tpl | `tenantproxy.transport.egress`: which addresses are refused |
| values.schema.json: the values' descriptions | the comments in values.yaml |
| README.md: the table | values.yaml |
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from hack import ROOT
from tenantproxy.transport import egress
from tenantproxy_operator.api.constant_rules import constant_rules
from tenantproxy_operator.api.crd import crd_yaml
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Manifest
from tenantproxy_operator.manifests.writer import to_yaml
from tenantproxy_operator.render.operator_rbac import operator_manifests

CHART: Final = ROOT / "charts" / "tenantproxy"
_BEGIN: Final = "<!-- The table is generated from values.yaml by `make crd`. -->\n"
_LONGEST: Final = 60
"""Of a default in the table; a longer one is in values.yaml."""


class Value(NamedTuple):
    """A value with the comment above it."""

    path: tuple[str, ...]
    default: Any
    description: str


def main() -> int:
    """Write or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Generate parts of the chart.")
    parser.add_argument("--check", action="store_true", help="write nothing; say what is stale")
    check = parser.parse_args().check
    stale = [path for path, text in generated().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)} is stale: run `make crd` and commit it")
        else:
            path.write_text(generated()[path])
    return 1 if check and stale else 0


def generated() -> dict[Path, str]:
    """Return the files that have generated parts, as they should be."""
    values = list(read_values((CHART / "values.yaml").read_text()))
    readme, schema = CHART / "README.md", CHART / "values.schema.json"
    return {
        CHART / "files/tenantproxies.yaml": crd_yaml(),
        CHART / "templates/_rules.tpl": rules(),
        CHART / "templates/_networks.tpl": networks(),
        CHART / "templates/_constants.tpl": constants(),
        schema: described(schema.read_text(), values),
        readme: readme.read_text().partition(_BEGIN)[0] + _BEGIN + table(values),
    }


def rules() -> str:
    """Return the templates of the operator's rules; those for optional kinds are there with their switches."""
    everything = frozenset(kind.kind for kind in kinds.OPTIONAL)
    namespaced, cluster = (
        operator_manifests(where, "", "", optional_kinds=everything)[1]["rules"] for where in (("",), None)
    )
    parts = {
        "rules": [rule for rule in cluster if rule in namespaced],
        "leaseRules": [rule for rule in namespaced if rule not in cluster],
        "otherLeasesRules": [rule for rule in cluster if rule not in namespaced],
    }
    header = "{{/* Generated from tenantproxy_operator.render.operator_rbac by `make crd`; don't edit. */}}\n"
    return header + "".join(_template(name, part) for name, part in parts.items())


def _template(name: str, rules: list[Manifest]) -> str:
    switches = {kind.plural: _camel_case(switch.parameter) for kind, switch in kinds.OPTIONAL.items()}
    parts = []
    for rule in rules:
        text = to_yaml([[rule]], explicit_start=False)  # type: ignore[list-item] # a list is a document, too
        (resource,) = rule["resources"]
        if switch := switches.get(resource):
            text = f"{{{{- if .Values.proxies.{switch} }}}}\n{text}{{{{- end }}}}\n"
        parts.append(text)
    return f'{{{{- define "tenantproxy.{name}" -}}}}\n{"".join(parts)}{{{{- end -}}}}\n'


def constants() -> str:
    """Return the template of an admission policy's rules for the constants of mappings."""
    header = "{{/* Generated from tenantproxy_operator.api.constant_rules by `make crd`; don't edit. */}}\n"
    found = [{"expression": expression, "message": message} for expression, message in constant_rules()]
    text = to_yaml([found], explicit_start=False)  # type: ignore[list-item] # as above
    return f'{header}{{{{- define "tenantproxy.constantRules" -}}}}\n{text}{{{{- end -}}}}\n'


def networks() -> str:
    """Return the template of the networks that are refused, by what they are, as JSON."""
    header = "{{/* Generated from tenantproxy.transport.egress by `make crd`; don't edit. */}}\n"
    refused = {
        name: {what: [str(network) for network in each] for what, each in those.items()}
        for name, those in (("never", egress.NEVER), ("private", egress.PRIVATE))
    }
    text = json.dumps(refused, indent=2)
    return f'{header}{{{{- define "tenantproxy.networks" -}}}}\n{text}\n{{{{- end -}}}}\n'


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def read_values(text: str) -> Iterator[Value]:
    """Return the values that have a comment, and those without values in them, in their order."""
    lines = text.splitlines()

    def walk(node: yaml.MappingNode, above: tuple[str, ...]) -> Iterator[Value]:
        for key, inner in node.value:
            path = (*above, key.value)
            description = _comment(lines, key.start_mark.line)
            parts = list(walk(inner, path)) if isinstance(inner, yaml.MappingNode) else []
            commented = any(part.description for part in parts)
            if not commented:
                # A value as a whole, or one that must get a comment.
                yield Value(path, yaml.safe_load(yaml.serialize(inner)), description)
            yield from parts if commented else ()

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # noqa: S101 - values.yaml is one
    yield from walk(root, ())


def _comment(lines: list[str], line: int) -> str:
    """Return the comment that ends right above a line."""
    words: list[str] = []
    while line and (found := re.match(r"\s*# ?(.*)", lines[line - 1])):
        words.insert(0, found[1])
        line -= 1
    return " ".join(words)


def described(text: str, values: list[Value]) -> str:
    """Return the schema with the values' descriptions in it."""
    schema = json.loads(text)
    for value in values:
        place = schema
        for name in value.path:
            try:
                place = place["properties"][name]
            except KeyError:
                raise SystemExit(f"values.schema.json lacks {'.'.join(value.path)}") from None
        place["description"] = value.description.replace("`", "")
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def table(values: list[Value]) -> str:
    """Return the table of values."""
    rows = [f"| `{'.'.join(value.path)}` | {_default(value.default)} | {_cell(value)} |\n" for value in values]
    return "\n| value | default | |\n| --- | --- | --- |\n" + "".join(rows)


def _default(default: Any) -> str:  # noqa: ANN401 - YAML
    text = json.dumps(default)
    return f"`{text}`" if len(text) <= _LONGEST else "see values.yaml"


def _cell(value: Value) -> str:
    return value.description.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
