"""What a relay signs, as the official library of Standard Webhooks verifies it."""

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tenantproxy.relay.signing import signature_headers

KEY, NEXT, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))
BODY = '{"eventId":"4050752561927993","note":"é"}'.encode()


def receiver(key: bytes) -> Webhook:
    """Return the library's receiver with a key, written as it is given to people."""
    return Webhook(f"whsec_{base64.b64encode(key).decode()}")


def headers(*keys: bytes) -> dict[str, str]:
    return signature_headers(keys, "4050752561927993", int(time.time()), BODY)


def test_the_receiver_takes_it() -> None:
    """By the headers' names, the order of what is signed, and the signature's form."""
    receiver(KEY).verify(BODY, headers(KEY))


@pytest.mark.parametrize("key", [KEY, NEXT], ids=["old", "new"])
def test_either_key_of_a_rotation_does(key: bytes) -> None:
    """A receiver that has changed its key, and one that has not, take the same request."""
    receiver(key).verify(BODY, headers(KEY, NEXT))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_all_is_signed(name: str) -> None:
    """Another id, or another time, is another signature."""
    given = headers(KEY)
    given[name] = str(int(given[name]) + 1)
    with pytest.raises(WebhookVerificationError):
        receiver(KEY).verify(BODY, given)


def test_another_key_or_body_does_not() -> None:
    """Nor does one that the receiver does not have, or a byte more."""
    with pytest.raises(WebhookVerificationError):
        receiver(OTHER).verify(BODY, headers(KEY, NEXT))
    with pytest.raises(WebhookVerificationError):
        receiver(KEY).verify(BODY + b" ", headers(KEY))
