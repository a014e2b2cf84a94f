"""A credential in variables of the environment."""

from tenantproxy.credentials.kinds import KINDS
from tenantproxy.credentials.stores.environment import read_environment, variable


def test_each_key_has_a_variable() -> None:
    """The variables of all keys differ, and are read back as the keys that a Secret has."""
    keys = {"type", *(key for kind in KINDS.values() for key in kind.all_keys())}
    environ = {variable(key): f"the {key}" for key in keys}
    assert len(environ) == len(keys)
    assert read_environment(environ) == {key: f"the {key}" for key in keys}


def test_names() -> None:
    """A key's words are in capitals, with underscores between them."""
    assert variable("username") == "TENANTPROXY_USERNAME"
    assert variable("clientSecret") == "TENANTPROXY_CLIENT_SECRET"


def test_others_are_left_alone() -> None:
    """What is no key's variable is no part of a credential."""
    assert read_environment({"TENANTPROXY_ISSUERS": "x", "USERNAME": "y", "TENANTPROXY_PASSWORD": ""}) == {
        "password": ""
    }
