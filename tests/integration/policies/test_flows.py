"""The rendered NetworkPolicies, checked against the tables of flows.md by analysis: nothing here enforces them."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from support.tools.cyclonus import Verdicts, analyse
from support.tools.helm import Helm
from support.tools.policy_cluster import Cluster, render
from support.tools.policy_flows import Case, Flow, cases
from support.tools.programs import directory

CASES: Final = cases((Path(__file__).parent / "flows.md").read_text())
Analysis = Callable[[Cluster, Case], Verdicts]
_ACCEPTED: Final = {
    "CheckTargetAllIngressAllowed": "it means any rule without peers; the ports are few, and callers are anywhere",
    "CheckTargetAllEgressAllowed": "the same: DNS and the API server, whose addresses nobody has told",
}
"""What the linter may find, and why that is no fault."""


@pytest.fixture(scope="session")
def helm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Return Helm at no cluster."""
    return Helm(directory("helm", request.config) / "helm", tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def cyclonus(request: pytest.FixtureRequest) -> Path:
    """Return the program."""
    return directory("cyclonus", request.config) / "cyclonus"


@pytest.fixture
def analysis(cyclonus: Path, tmp_path: Path) -> Analysis:
    """Return what says which flows of a case pass in a cluster."""
    return lambda cluster, case: analyse(cyclonus, cluster, case.flows, tmp_path)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """Return each case."""
    found = request.param
    assert isinstance(found, Case)
    return found


@pytest.fixture
def cluster(case: Case, helm: Helm, tmp_path: Path) -> Cluster:
    """Return the case's cluster."""
    return render(case, helm, tmp_path)


def test_flows(case: Case, cluster: Cluster, analysis: Analysis) -> None:
    """What must pass does, and what must not does not."""
    wrong = [
        f"{flow} {'passes' if passes else 'does not pass'}; in the table: {case.reasons[flow]}"
        for flow, passes in analysis(cluster, case).flows.items()
        if passes is not case.flows[flow]
    ]
    assert wrong == []


def test_lint(case: Case, cluster: Cluster, analysis: Analysis) -> None:
    """The linter finds nothing but what is accepted above."""
    findings = analysis(cluster, case).findings
    assert {(check, policy) for check, policy in findings if check not in _ACCEPTED} == set()


def test_what_is_accepted_is_found(helm: Helm, analysis: Analysis, tmp_path: Path) -> None:
    """No exception is left for what is no longer so."""
    findings = analysis(render(CASES[0], helm, tmp_path), CASES[0]).findings
    assert {check for check, _ in findings} == _ACCEPTED.keys()


def test_every_part_is_needed(helm: Helm, analysis: Analysis, tmp_path: Path) -> None:
    """No rule, port, peer or exception of a policy can go without a flow that tells: no table has a hole."""
    seen = []
    unnoticed = []
    telling: set[Flow] = set()
    for case in CASES:
        cluster = render(case, helm, tmp_path)
        for policy in cluster.policies:
            name = policy["metadata"]["name"]
            # Bravo's is another acme's.
            if name == "bravo-proxy" or policy in seen:
                continue
            seen.append(policy)
            others = [each for each in cluster.policies if each is not policy]
            for what, less in _without_each_part(policy["spec"]):
                changed = replace(cluster, policies=[*others, policy | {"spec": less}])
                # Those that have told of other parts first, since the time is that of the questions.
                for asked in (case.flows.keys() & telling, case.flows.keys() - telling):
                    answers = analysis(changed, replace(case, flows={flow: case.flows[flow] for flow in asked}))
                    if told := {flow for flow in asked if answers.flows[flow] is not case.flows[flow]}:
                        telling.add(min(told, key=str))
                        break
                else:
                    unnoticed.append(f"{case.name}: {name}: {what}")
    assert unnoticed == []


def _without_each_part(value: Any, path: str = "spec") -> Iterator[tuple[str, Any]]:
    """Return copies of a manifest, each without one item of one of its lists, and what that is."""
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, item in items:
        if isinstance(value, list):
            yield f"{path}.{key}: {item}", [*value[:key], *value[key + 1 :]]
        for what, inner in _without_each_part(item, f"{path}.{key}"):
            changed = copy.copy(value)
            changed[key] = inner
            yield what, changed
