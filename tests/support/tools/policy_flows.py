"""The tables of flows in tests/integration/policies/flows.md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final

import yaml

_VERDICTS: Final = {"yes": True, "no": False}


@dataclass(frozen=True, order=True)
class Flow:
    """A connection that somebody tries."""

    source: str
    destination: str
    port: int
    protocol: str

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination} {self.port}/{self.protocol}"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A cluster, and which flows pass in it."""

    name: str
    spec: dict[str, Any] = field(default_factory=dict)
    """What acme's spec has beside the least."""
    options: tuple[str, ...] = ()
    """The operator's."""
    values: dict[str, Any] = field(default_factory=dict)
    """The chart's."""
    flows: dict[Flow, bool]
    reasons: dict[Flow, str]


def cases(text: str) -> list[Case]:
    """Return the cases of the page: that of the first section, and the same with the changes of each other one.

    Raises:
        ValueError: A table says something twice, or can't be read.

    """
    _, *sections = re.split(r"^## ", text, flags=re.MULTILINE)
    found: list[Case] = []
    for section in sections:
        name, _, body = section.partition("\n")
        block = re.search(r"^```yaml\n(.*?)^```", body, re.MULTILINE | re.DOTALL)
        changes = yaml.load(block[1], yaml.CSafeLoader) if block else {}
        flows = dict(found[0].flows) if found else {}
        reasons = dict(found[0].reasons) if found else {}
        said: set[Flow] = set()
        for flow, passes, reason in _rows(body):
            if flow in said:
                raise ValueError(f"{name}: {flow} is there twice")
            said.add(flow)
            flows[flow] = passes
            reasons[flow] = reason
        options = tuple(changes.pop("options", ()))
        found.append(Case(name=name, options=options, flows=flows, reasons=reasons, **changes))
    return found


def _rows(body: str) -> Iterator[tuple[Flow, bool, str]]:
    rows = [line.strip("| ") for line in body.splitlines() if line.startswith("|") and "---" not in line]
    for sources, destinations, ports, passes, reason in (row.split(" | ") for row in rows):
        if sources == "from":
            continue
        for source, destination, port in product(*(cell.split(", ") for cell in (sources, destinations, ports))):
            number, _, protocol = port.partition("/")
            yield Flow(source, destination, int(number), protocol), _VERDICTS[passes], reason
