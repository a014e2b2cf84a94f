"""A running operator per module, under its own service account with no more than the rights that it is given.

A module says with OPTIONS what its operator is run with, with NAMESPACES how many namespaces it needs, with
CLUSTER_WIDE (True, False, or names) which of its tests run once more with an operator that watches all namespaces,
and why, and with ONLY_CLUSTER_WIDE which of those need no other one. At the end of the run the audit log must show
that no right was missing, and that none was given in vain.
"""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from support.apiserver.audit import AuditEntry, writes
from support.apiserver.client import ApiClient
from support.apiserver.kubelet import Kubelet
from support.apiserver.server import ApiServer, service_account
from support.operator import rights_report
from support.operator.diagnoses import Engineer
from support.operator.installed import Home
from support.operator.process import OperatorProcess
from support.operator.rights import NAMESPACED, lacking, used
from support.operator.tenants import Tenants, without_hash
from support.waiting import eventually
from tenantproxy_operator.doctor import examination
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.client import TENANT_PROXY
from tenantproxy_operator.manifests.writer import to_yaml
from tenantproxy_operator.render.operator_rbac import operator_manifests

HERE: Final = Path(__file__).parent
HOME: Final = "tenantproxy-system"
ACCOUNT: Final = "tenantproxy-operator"
USER: Final = service_account(HOME, ACCOUNT)
CLUSTER_WIDE: Final = "cluster-wide"
ACCOUNTS: Final = {NAMESPACED: ACCOUNT, CLUSTER_WIDE: f"{ACCOUNT}-{CLUSTER_WIDE}"}
"""The service account of an operator, by what it watches: none may profit from another one's rights."""
_SELECTED: Final = pytest.StashKey[bool]()


class Run:
    """A module's operators, its namespaces, and what the audit log says about them."""

    def __init__(
        self, api_server: ApiServer, account: str, namespaces: tuple[str, ...], options: tuple[str, ...]
    ) -> None:
        self.api_server = api_server
        self.account = account
        self.user = service_account(HOME, account)
        self.namespaces = namespaces
        self.options = options
        self.since_now()

    def audit(self) -> list[AuditEntry]:
        """Return the requests since the mark that the operator has made since then, but those about its Lease."""
        # What is answered later, such as the end of a watch, was asked for before.
        entries = self.api_server.audit(self.mark)
        entries = [entry for entry in entries if entry.resource != kinds.LEASE.plural]
        return [entry for entry in entries if entry.user == self.user and entry.time >= self.marked_at]

    def since_now(self) -> None:
        """Forget what was."""
        self.mark = self.api_server.audit_mark()
        self.marked_at = dt.datetime.now(dt.UTC)

    def writes(self, about: str = "") -> list[str]:
        """Return the operator's writes since the mark, of one tenant or all: verb, resource, name without hash."""
        return [
            f"{entry.verb} {entry.resource} {without_hash(entry.name)}"
            for entry in writes(self.audit(), self.user)
            if entry.name.startswith(about)
        ]

    def rounds(self) -> int:
        """Return how often the operator has gone round all TenantProxies since the mark."""
        return sum(
            entry.verb == "list" and entry.resource == "tenantproxies" and "limit=500" in entry.uri
            for entry in self.audit()
        )

    async def writes_in_two_rounds(self) -> list[str]:
        """Return the operator's writes while it goes round twice."""
        self.since_now()
        await eventually(self.rounds, lambda count: count >= 2)
        return self.writes()

    async def at_rest(self) -> None:
        """See that the operator goes round, and writes nothing any more.

        What is made is seen before the operator's last words about it, a status, and an Event after that; no child
        is written any more.
        """

        async def writes() -> list[str]:
            found = await self.writes_in_two_rounds()
            assert {write.split()[1] for write in found} <= {"tenantproxies/status", "events"}, found
            return found

        await eventually(writes, lambda found: found == [])

    async def writes_to_the_end(self, tenant: str) -> list[str]:
        """Return the writes about a tenant whose status is as it shall be: that write is the last one.

        It is seen a moment before the audit log has it.
        """

        async def found() -> list[str]:
            return self.writes(tenant)

        last = f"patch tenantproxies/status {tenant}"
        return await eventually(found, lambda writes: writes[-1:] == [last])


def everywhere(run: Run) -> bool:
    """Tell whether the operator watches all namespaces."""
    return "--all-namespaces" in run.options


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a module's tests with each operator that it wants."""
    if "watch" in metafunc.fixturenames:
        twice: bool | tuple[str, ...] | None = getattr(metafunc.module, "CLUSTER_WIDE", None)
        assert twice is not None, f"{metafunc.module.__name__} does not say what of it is CLUSTER_WIDE, and why"
        if not isinstance(twice, bool):
            assert all(hasattr(metafunc.module, name) for name in twice), f"CLUSTER_WIDE: {twice}"
            twice = metafunc.function.__name__ in twice
        alone = metafunc.function.__name__ in getattr(metafunc.module, "ONLY_CLUSTER_WIDE", ())
        metafunc.parametrize("watch", list(ACCOUNTS)[alone : 1 + twice], scope="module")


@pytest.fixture(scope="module")
def run(api_server: ApiServer, request: pytest.FixtureRequest, watch: str) -> Iterator[Run]:
    """Make the module's namespaces, and give the operator its rights there, or in all."""
    cluster = watch == CLUSTER_WIDE
    count = getattr(request.module, "NAMESPACES", 1)
    namespaces = tuple(f"tenants-{uuid.uuid4().hex[:8]}" for _ in range(count))
    options = tuple(getattr(request.module, "OPTIONS", ()))
    made = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (HOME, *namespaces)]
    rights = operator_manifests(
        None if cluster else namespaces,
        HOME,
        ACCOUNTS[watch],
        optional_kinds=frozenset(kind.kind for kind, switch in kinds.OPTIONAL.items() if switch.option in options),
    )
    api_server.kubectl("apply", "--server-side", "-f", "-", stdin=to_yaml([*made, *rights]))
    where = ["--all-namespaces"] if cluster else [f"--namespace={namespace}" for namespace in namespaces]
    run = Run(api_server, ACCOUNTS[watch], namespaces, (*where, *options))
    yield run
    asyncio.run(_empty(api_server, namespaces))


async def _empty(api_server: ApiServer, namespaces: tuple[str, ...]) -> None:
    """Delete all TenantProxies, for no later operator to see, and their children, for no later controller."""
    async with api_server.client() as api:
        for kind in (TENANT_PROXY, *kinds.CHILDREN):
            for namespace in namespaces:
                status, answer = await api.request("DELETE", kind.path(namespace))
                assert status in (200, 404), answer


@pytest.fixture(scope="module")
def launch(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., OperatorProcess]]:
    """Return what prepares an operator for the module's namespaces; those that run are stopped at the end."""
    server = run.api_server
    made: list[OperatorProcess] = []

    def launch(
        *options: str,
        url: str | None = None,
        ca: Path | None = None,
        environ: Mapping[str, str] | None = None,
        **more: Any,
    ) -> OperatorProcess:
        directory = tmp_path_factory.mktemp("operator")
        token = server.kubectl("create", "token", run.account, "--namespace", HOME, "--duration=8h").strip()
        kubeconfig = server.kubeconfig(directory / "kubeconfig", token, url=url, ca=ca)
        operator = OperatorProcess(
            *run.options, *options, directory=directory, kubeconfig=kubeconfig, environ=environ, **more
        )
        made.append(operator)
        return operator

    yield launch
    for operator in made:
        operator.stop_if_running()


@pytest.fixture(scope="module")
def operator(launch: Callable[..., OperatorProcess]) -> OperatorProcess:
    """Run the module's operator, until it is ready."""
    operator = launch()
    operator.start_ready()
    return operator


@pytest.fixture
async def tenants(api: ApiClient, run: Run, operator: OperatorProcess) -> Tenants:
    """Return the TenantProxies of the module's first namespace, that its operator takes care of."""
    assert operator.running, operator.log
    return Tenants(api, run.namespaces[0], lambda: operator.log)


@pytest.fixture(scope="module")
def engineer(run: Run) -> Engineer:
    """Return a person who runs `doctor` with no more rights than the documentation says."""
    return Engineer(run.api_server, run.namespaces)


@pytest.fixture
async def home(
    api: ApiClient, engineer: Engineer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Home]:
    """Return the namespace of the operator, in which whoever runs doctor may look, too."""
    monkeypatch.setattr(examination, "BETWEEN", 0.4)
    Engineer(engineer.server, [engineer.namespaces[0], HOME])
    async with Kubelet.running(api, tmp_path, f"node-{uuid.uuid4().hex[:8]}") as kubelet:
        home = Home(Tenants(api, HOME), kubelet)
        yield home
        await home.remove()


@pytest.fixture
def name() -> str:
    """Return a name for the test's own TenantProxy."""
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session", autouse=True)
def _rights(api_server: ApiServer, request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold the operator's rights against what it did, when all tests are through."""
    mark = api_server.audit_mark()
    yield
    entries = api_server.audit(mark)
    users = {watch: service_account(HOME, account) for watch, account in ACCOUNTS.items()}
    rights = {watch: used(entries, user) for watch, user in users.items()}
    rights_report.note(request.config, rights, whole=not request.config.stash[_SELECTED])
    missing = {each for user in users.values() for each in lacking(entries, user, api_server.starts)}
    assert not missing, "the operator has no right to:\n" + "\n".join(sorted(missing))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """See whether all tests here are to be run."""
    wanted = {item.path for item in items}
    parts = any("::" in argument for argument in config.args)
    config.stash[_SELECTED] = (
        config.stash.get(_SELECTED, False) or parts or not wanted.issuperset(HERE.glob("test_*.py"))
    )


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Take note that not all tests are to be run."""
    for item in items:
        item.config.stash[_SELECTED] = True
