"""One HTTP request: as it is sent, and as the reader would type it."""

import json
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPConnection, HTTPException
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

_TIMEOUT: Final = 10.0
"""Seconds."""


class NoAnswerError(Exception):
    """A request went unanswered; the message says which."""


class Token(NamedTuple):
    """An access token, and the shell variable that stands for it in what is shown."""

    variable: str
    value: str


class Answer(NamedTuple):
    """What came back."""

    status: int
    reason: str
    headers: Message
    text: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the server sent
        """The parsed body.

        Raises:
            ValueError: It is not JSON.

        """
        return json.loads(self.text)


class Request(NamedTuple):
    """What is asked; `shown_body` is printed in the place of a body that holds a secret."""

    method: str
    url: str
    token: Token | None = None
    body: Mapping[str, Any] | None = None
    shown_body: Mapping[str, Any] | None = None

    def send(self) -> Answer:
        """Send it, on a connection of its own as curl does.

        Raises:
            NoAnswerError: There is no answer, or none in HTTP.

        """
        parts = urlsplit(self.url)
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token.value}"}
        body = None
        if self.body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(self.body)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(self.method, target, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.reason, response.headers, response.read().decode())
        except (OSError, HTTPException) as error:
            raise NoAnswerError(f"no answer from {self.url} ({error!r})") from None
        finally:
            connection.close()

    def as_curl(self, *, quiet: bool = False) -> str:
        """Return the curl command, one line per option; `quiet` shows only the body of the answer."""
        # curl's own choice is GET, or POST with a body.
        usual = "GET" if self.body is None else "POST"
        method = "" if self.method == usual else f"-X {self.method} "
        parts = [f"curl {'-s' if quiet else '-i'} {method}{_shell_word(self.url)}"]
        if self.token is not None:
            parts.append(f'-H "Authorization: Bearer ${self.token.variable}"')
        if self.body is not None:
            parts.append("-H 'Content-Type: application/json'")
            compact = json.dumps(self.shown_body or self.body, separators=(",", ":"))
            parts.append(f"-d '{compact}'")
        return " \\\n    ".join(parts)


def _shell_word(text: str) -> str:
    return f'"{text}"' if set(text) & set("?&") else text  # in which a shell's variables still mean something


def token_command(variable: str, url: str, tenant_id: str, email: str | None) -> str:
    """Return the command that gets a token of a machine client, or of a user if `email` is given."""
    if email is None:
        return f'{variable}=$(curl -s "{url}?tenant={tenant_id}")'
    return f"{variable}=$(curl -sG {url} -d tenant={tenant_id} \\\n    -d kind=user -d email={email})"
