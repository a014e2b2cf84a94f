"""What docs/pickups.md has an OMS developer do works, and names what there is."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import yaml

from tenantproxy.poslog.sending.delivery import RETRIES
from tenantproxy.problems import PROBLEM_TYPES
from tenantproxy_operator.api.poslog import SECRET_KEYS, Poslog

PAGE: Final = (Path(__file__).parents[3] / "docs" / "pickups.md").read_text()
KEY: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED_AT: Final = 1614265330
HEADERS: Final = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(SIGNED_AT),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
"""As the libraries of Standard Webhooks are tested with."""
BODY: Final = b'{"test": 2432232314}'


def is_signed(*, now: float = SIGNED_AT + 1) -> Callable[[dict[str, str], bytes, str], bool]:
    """Return the page's function, which takes it to be `now`."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102 - our own page
    namespace["time"] = SimpleNamespace(time=lambda: now)
    found: Callable[[dict[str, str], bytes, str], bool] = namespace["is_signed"]
    return found


def test_a_signature() -> None:
    """Of Standard Webhooks, also beside that of another key."""
    assert is_signed()(HEADERS, BODY, KEY)
    both = f"v1,{'A' * 43}= {HEADERS['webhook-signature']}"
    assert is_signed()(HEADERS | {"webhook-signature": both}, BODY, KEY)


@pytest.mark.parametrize(
    ("changed", "body", "key", "now"),
    [
        ({}, BODY + b" ", KEY, SIGNED_AT),
        ({}, BODY, "whsec_" + "A" * 32, SIGNED_AT),
        ({"webhook-id": "msg_2"}, BODY, KEY, SIGNED_AT),
        ({"webhook-timestamp": str(SIGNED_AT + 1)}, BODY, KEY, SIGNED_AT),
        ({}, BODY, KEY, SIGNED_AT + 301),
    ],
)
def test_another_one(changed: dict[str, str], body: bytes, key: str, now: float) -> None:
    """Nor one of another body, key, id or time."""
    assert not is_signed(now=now)(HEADERS | changed, body, key)


def test_the_manifest() -> None:
    """It is valid, and asks for the keys that the page has put into the Secret."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    poslog = Poslog.model_validate(yaml.load(block, yaml.CSafeLoader)["spec"]["poslog"])
    assert set(poslog.secret_keys) == set(re.findall(r'\\"(poslog\w+)\\"', PAGE)) == {*SECRET_KEYS}


def test_the_plan_of_retries() -> None:
    """The page counts as the simulator does."""
    minutes = [f"{seconds / 60:.0f}" for seconds in RETRIES]
    assert f"after {', '.join(minutes[:-1])} and {minutes[-1]} minutes" in PAGE
    assert f"{sum(RETRIES) / 60:.0f} minutes are five retries" in PAGE


def test_codes_exist() -> None:
    """Each code that the page names is in the table of problems."""
    codes = set(re.findall(r"\b[45]\d\d `([a-z-]+)`", PAGE))
    assert codes
    assert codes <= PROBLEM_TYPES.keys()
