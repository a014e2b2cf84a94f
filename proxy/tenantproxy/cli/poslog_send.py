"""The command `tenantproxy poslog send`, for the developers of a receiver of store events."""

import asyncio
import os
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count as counting
from itertools import product
from pathlib import Path
from typing import Any, Final, get_args

import aiohttp
import click
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tenantproxy.cli.numbers import FiniteRange
from tenantproxy.conformance.webhooks import ANYWHERE
from tenantproxy.poslog.sending import authorization, samples
from tenantproxy.poslog.sending.delivery import RETRIES, Attempt, Sender
from tenantproxy.poslog.sending.events import Compression, Event, poslog_event
from tenantproxy.poslog.sending.events import test_event as webhook_test
from tenantproxy.transport.egress import Policy, UrlError, check_url

_USER, _PASSWORD, _SHARED_KEY = authorization.SECRETS
_MOST: Final = 1000
"""Of each sample: all are made before the first is sent."""
_MINUTES: Final = ", ".join(f"{seconds / 60:.0f}" for seconds in RETRIES)

_EPILOG = f"""\b
Try a receiver on this machine, with user, password and shared key from the environment:
  export {_USER}=hii {_PASSWORD}=not-a-secret {_SHARED_KEY}=not-a-secret-either
  tenantproxy poslog send --url http://127.0.0.1:8080/events --test
  tenantproxy poslog send --url http://127.0.0.1:8080/events --sample pickup --order CO-1001

\b
PosLogs of your own, each in both compressions, delivered twice, as may happen:
  tenantproxy poslog send --url … --compression zlib --compression zip --twice *.xml

\b
A token as Google signs them, but by a key of your own, whose public part the receiver must take:
  tenantproxy poslog send --url … --id-token my-webhook --key key.pem --jwks jwks.json --test
"""


class _Date(click.ParamType[date]):
    """A calendar date, as `meta` has it."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return datetime.strptime(str(value), "%Y-%m-%d").date()  # noqa: DTZ007 - a date has no time zone
        except ValueError:
            self.fail(f"{value!r} is not a date; write YYYY-MM-DD, such as 2026-11-30", param, ctx)


class _Text(click.ParamType[str]):
    """A text that XML and tokens can hold, and people can read."""

    name = "text"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not text.isprintable():
            self.fail("has a character that can't be shown; leave it out", param, ctx)
        return text


_DATE: Final = _Date()
_TEXT: Final = _Text()


@click.command(epilog=_EPILOG)
@click.option("--url", required=True, help="The receiver's webhook.")
@click.option("--test", "is_test", is_flag=True, help="Send the test event, exe.events.v1.")
@click.option("--sample", "names", multiple=True, type=click.Choice(samples.NAMES), help="Send a made-up PosLog.")
@click.option(
    "--count",
    type=click.IntRange(1, _MOST),
    default=1,
    show_default=True,
    help="How often each sample is sent, each time about another order: its number has -1, -2, … behind it.",
)
@click.option("--order", default="CO-1001", show_default=True, type=_TEXT, help="The customer order in samples.")
@click.option("--business-unit", default="store-1", show_default=True, type=_TEXT, help="The store in samples.")
@click.option(
    "--business-day", type=_DATE, help="In `meta` and in samples, such as 2026-11-30. Default: today, in UTC."
)
@click.option(
    "--compression",
    "compressions",
    multiple=True,
    type=click.Choice(get_args(Compression)),
    default=["zlib"],
    show_default=True,
    help="Of the PosLog; repeat it to send each PosLog in both.",
)
@click.option(
    "--sign",
    type=click.Choice(get_args(authorization.Signed)),
    default="data",
    show_default=True,
    help=f"What X-Hii-Signature is over, if ${_SHARED_KEY} is set.",
)
@click.option(
    "--id-token", metavar="AUDIENCE", type=_TEXT, help="Send a token for this audience instead of Basic."
)
@click.option("--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its RSA key, PEM.")
@click.option(
    "--jwks", type=click.Path(path_type=Path, dir_okay=False), help="Write the public key here (RFC 7517)."
)
@click.option("--twice", is_flag=True, help="Deliver each event twice, with the same id.")
@click.option(
    "--speed",
    type=FiniteRange(min=1, max=3600),
    default=60.0,
    show_default=True,
    help=f"How many times faster the retries come; at 1 after {_MINUTES} minutes.",
)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def send(
    *,
    url: str,
    is_test: bool,
    names: Sequence[str],
    count: int,
    order: str,
    business_unit: str,
    business_day: date | None,
    compressions: Sequence[Compression],
    sign: authorization.Signed,
    id_token: str | None,
    key: Path | None,
    jwks: Path | None,
    twice: bool,
    speed: float,
    files: Sequence[Path],
) -> None:
    """Send store events to a webhook as ExternalEvents does: PosLogs from FILES, samples, or a test event.

    Each event has five seconds to be acknowledged with 200, 201, 202 or 204, and is tried five times more, with
    growing pauses. Authorization is Basic, with $POSLOG_USERNAME and $POSLOG_PASSWORD, or --id-token; with
    $POSLOG_SHARED_KEY the event is signed as well.

    Exit status: 0 if each event was acknowledged, 1 if one was not, 2 for invalid input.
    """
    _check_url(url)
    now = datetime.now(UTC)
    day = business_day or now.date()
    poslogs = [(path.read_bytes(), each) for path in files for each in compressions]
    ends = _ends(day, now)
    orders = [order] if count == 1 else [f"{order}-{number}" for number in range(1, count + 1)]
    for about, name, each in product(orders, names, compressions):
        number, end = next(ends)
        made = samples.sample(name, order=about, business_unit=business_unit, number=number, end=end)
        poslogs.append((made, each))
    events = [webhook_test(event_id=_new_id(), now=now)] if is_test else []
    events += [
        poslog_event(poslog, each, event_id=_new_id(), now=now, business_day=day.isoformat())
        for poslog, each in poslogs
    ]
    if not events:
        raise click.UsageError("nothing to send: give FILES, --sample or --test")
    try:
        secrets = authorization.secrets_of(os.environ)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    authorize = _authorize(secrets, id_token, key, jwks)

    async def deliver() -> bool:
        async with aiohttp.ClientSession() as session:
            sender = Sender(
                session,
                url,
                authorize,
                lambda event: (
                    authorization.signature(event, secrets.shared_key, sign) if secrets.shared_key else {}
                ),
                speed=speed,
            )
            results = [await _delivered(sender, event) for event in events for _ in range(1 + twice)]
        return all(results)

    if not asyncio.run(deliver()):
        raise SystemExit(1)


def _ends(day: date, now: datetime) -> Iterator[tuple[int, datetime]]:
    """Yield for each transaction a number, which is the second of the day, and when it ends."""
    midnight = datetime.combine(day, time(), UTC)
    begin = datetime.combine(day, now.time(), UTC)
    for second in counting(int((begin - midnight).total_seconds())):
        yield second, midnight + timedelta(seconds=second)


def _check_url(url: str) -> None:
    try:
        check_url(
            url,
            Policy(allow=ANYWHERE),
            allow_insecure=True,
            allow_query=True,
            credentials=authorization.CREDENTIALS,
        )
    except UrlError as error:
        raise click.UsageError(f"--url {error}") from None


async def _delivered(sender: Sender, event: Event) -> bool:
    told = ""

    def report(attempt: Attempt) -> None:
        nonlocal told
        text = f"event {event.id}, attempt {attempt.number}: {attempt.outcome}, {attempt.seconds:.2f} s"
        if attempt.next_in is not None:
            text += f"; again in {attempt.next_in:.1f} s"
        elif not attempt.is_acknowledged:
            text += "; failed: ExternalEvents would now keep it in its journal, to be replayed"
        click.echo(text)
        if attempt.why and attempt.why != told:
            # Once for all attempts, which mostly end alike.
            click.echo(f"  the receiver says: {attempt.why}")
        told = attempt.why

    return await sender.deliver(event, report)


def _authorize(
    secrets: authorization.Secrets, audience: str | None, key: Path | None, jwks: Path | None
) -> authorization.Authorize:
    if audience is None:
        if key is not None or jwks is not None:
            raise click.UsageError("--key and --jwks go with --id-token")
        if not secrets.username or not secrets.password:
            raise click.UsageError(
                f"set ${_USER} and ${_PASSWORD}, or give --id-token: each delivery is authorized"
            )
        return authorization.basic(secrets.username, secrets.password)
    signing = _signing_key(key)
    if jwks is not None:
        public: Any = {"keys": [signing.as_dict(private=False, use="sig", alg="RS256")]}
        try:
            jwks.write_bytes(msgspec.json.encode(public))
        except OSError as error:
            raise click.UsageError(f"--jwks: {jwks} can't be written: {error.strerror}") from None
    return authorization.id_token(signing, audience)


def _signing_key(path: Path | None) -> RSAKey:
    if path is None:
        return RSAKey.generate_key(2048, auto_kid=True)
    try:
        key = RSAKey.import_key(path.read_bytes())
    except (JoseError, ValueError):
        raise click.UsageError(f"{path} is not an RSA private key in PEM") from None
    key.ensure_kid()
    return key


def _new_id() -> str:
    """Return an id as those of Google's Pub/Sub are: digits."""
    return str(uuid.uuid4().int)[:16]
