"""The options about leader election, named as kube-controller-manager's."""

import functools
from dataclasses import replace
from typing import Any, Final

import click

from tenantproxy.cli.numbers import FiniteRange
from tenantproxy_operator.cli.options import Command, reject, with_options
from tenantproxy_operator.kube.objects import LONGEST_LEASE
from tenantproxy_operator.settings import LeaderElection

_DEFAULT: Final = LeaderElection()

_LEASE_OPTIONS: Final = (
    click.option(
        "--leader-elect-resource-namespace",
        default=_DEFAULT.resource_namespace,
        show_default=True,
        envvar="TENANTPROXY_LEADER_ELECT_RESOURCE_NAMESPACE",
        show_envvar=True,
        metavar="NAME",
        help="Namespace of the Lease with --all-namespaces. With --namespace there is a Lease in each of these.",
    ),
)
_TIMING_OPTIONS: Final = (
    click.option(
        "--leader-elect-lease-duration",
        type=click.IntRange(1, LONGEST_LEASE),
        default=_DEFAULT.lease_duration,
        show_default=True,
        envvar="TENANTPROXY_LEADER_ELECT_LEASE_DURATION",
        show_envvar=True,
        metavar="SECONDS",
        help="After how long a standby takes over from an operator that does not renew its Lease.",
    ),
    click.option(
        "--leader-elect-renew-deadline",
        type=FiniteRange(min=0.1),
        default=_DEFAULT.renew_deadline,
        show_default=True,
        envvar="TENANTPROXY_LEADER_ELECT_RENEW_DEADLINE",
        show_envvar=True,
        metavar="SECONDS",
        help="How long the operator goes on without having renewed its Lease.",
    ),
    click.option(
        "--leader-elect-retry-period",
        type=FiniteRange(min=0.05),
        default=_DEFAULT.retry_period,
        show_default=True,
        envvar="TENANTPROXY_LEADER_ELECT_RETRY_PERIOD",
        show_envvar=True,
        metavar="SECONDS",
        help="How often the Lease is renewed, or tried to get.",
    ),
)


def lease_options(command: Command) -> Command:
    """Give a command the option that says which Lease is meant, as `leader_election`."""

    @functools.wraps(command)
    def with_leases(
        *arguments: Any,  # noqa: ANN401 - the command's own
        leader_elect_resource_namespace: str,
        **options: Any,  # noqa: ANN401 - the same
    ) -> None:
        leases = LeaderElection(resource_namespace=leader_elect_resource_namespace)
        command(*arguments, leader_election=leases, **options)

    return with_options(_LEASE_OPTIONS, with_leases)


def leader_election_options(command: Command) -> Command:
    """Give a command all options about leader election, as `leader_election`."""

    @functools.wraps(command)
    def with_timing(
        *arguments: Any,  # noqa: ANN401 - the command's own
        leader_election: LeaderElection,
        leader_elect_lease_duration: int,
        leader_elect_renew_deadline: float,
        leader_elect_retry_period: float,
        **options: Any,  # noqa: ANN401 - the same
    ) -> None:
        whole = replace(
            leader_election,
            lease_duration=leader_elect_lease_duration,
            renew_deadline=leader_elect_renew_deadline,
            retry_period=leader_elect_retry_period,
        )
        if problem := whole.problem():
            reject([problem])
        command(*arguments, leader_election=whole, **options)

    return lease_options(with_options(_TIMING_OPTIONS, with_timing))
