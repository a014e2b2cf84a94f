"""The command `tenantproxy-operator conformance-job`."""

import json
import sys
from typing import TextIO

import click

from tenantproxy_operator.cli.options import reject
from tenantproxy_operator.manifests.writer import to_yaml
from tenantproxy_operator.render.conformance_job import render_conformance_job


@click.command("conformance-job", context_settings={"ignore_unknown_options": True})
@click.option(
    "-f",
    "--filename",
    type=click.File("r", encoding="utf-8"),
    default="-",
    show_default=True,
    help="The tenant's Deployment, as `kubectl get -o json` prints it.",
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF tenantproxy conformance]...")
def conformance_job(filename: TextIO, options: tuple[str, ...]) -> None:
    """Print a Job that checks a tenant's OMS from where its proxies run, with their configuration and credential.

    \b
      kubectl -n tenants get deployment acme-proxy -o json |
        tenantproxy-operator conformance-job --business-unit store-1 --order CO-1001 --customer 111 |
        kubectl create -f -
      kubectl -n tenants logs --follow job/acme-conformance-…

    The report is the Job's log (`--json -`: as JSON); the Job fails if a check does.
    """  # noqa: D301 - \b is click's mark for text that is not to be rewrapped
    if filename.isatty():
        reject(["there is no Deployment; pipe one, by `kubectl get deployment NAME -o json`"])
    try:
        job = render_conformance_job(json.load(filename), options)
    except (ValueError, RecursionError) as error:
        detail = "is not JSON" if isinstance(error, json.JSONDecodeError | RecursionError) else str(error)
        reject([f"{filename.name}: {detail}"])
    sys.stdout.write(to_yaml([job]))
