"""Store events, as ExternalEvents sends them: by `tenantproxy poslog send`, as the reader would type it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from hack.demo.processes import Processes

_KEYS: Final = {
    "POSLOG_USERNAME": "poslogUsername",
    "POSLOG_PASSWORD": "poslogPassword",
    "POSLOG_SHARED_KEY": "poslogSharedKey",
}
"""Variables of the environment, and the Secret's keys."""
_SECONDS: Final = 30.0


class Sent(NamedTuple):
    """What came of it."""

    all_acknowledged: bool
    lines: list[str]


class StoreEvents(NamedTuple):
    """Samples, of which those about an order have its id."""

    url: str
    order: str
    samples: tuple[str, ...]
    keys: Mapping[str, str]
    """The tenant's Secret."""

    def send(self, processes: Processes) -> Sent:
        """Send them, one after the other.

        Raises:
            ProcessError: It takes too long.

        """
        environ = {name: self.keys[key] for name, key in _KEYS.items()}
        status, lines = processes.start(*self._command(), env=environ).run(_SECONDS)
        return Sent(status == 0, lines)

    def as_command(self) -> str:
        """Return the command, on lines that fit, without the secrets."""
        variables = " ".join(f"{name}=..." for name in _KEYS)
        command = " ".join(self._command())
        for option in ("--url", "--order", "--sample"):
            command = command.replace(f" {option}", f" \\\n    {option}", 1)
        return f"{variables} \\\n    {command}"

    def _command(self) -> tuple[str, ...]:
        samples = [word for name in self.samples for word in ("--sample", name)]
        return ("tenantproxy", "poslog", "send", "--url", self.url, "--order", self.order, *samples)
