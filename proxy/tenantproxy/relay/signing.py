"""Sign what the OMS is sent, by Standard Webhooks: its symmetric scheme, `v1`. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def signature_headers(keys: Iterable[bytes], event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of a signed request: one signature by each key, so that either side may change its own.

    The scheme wants no `.` in an id that others choose, as one stands between the parts that are signed. Here a
    body begins with `{` or `<`, which no timestamp does, so that the parts can't be told otherwise.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
