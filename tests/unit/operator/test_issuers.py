"""The issuers file."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.proxy.issuer import EC, public
from tenantproxy import config
from tenantproxy_operator.issuers import DEFAULT_ISSUERS, IssuersError, load_issuers

_OCMS = "issuer: https://i.example/\n  audiences: [a]\n  kind: ocms\n"


def _write(directory: Path, text: str) -> Path:
    path = directory / "issuers.yaml"
    path.write_text(text)
    return path


def test_shoppers_are_no_default() -> None:
    """By default machine clients and staff are accepted; shoppers could read others' orders."""
    assert [issuer.kind for issuer in DEFAULT_ISSUERS] == ["ocms", "user"]
    assert "shoppers" not in repr(DEFAULT_ISSUERS)


def test_jwks_file_is_relative_to_the_issuers_file(tmp_path: Path) -> None:
    """A proxy gets an absolute path, wherever it runs."""
    (tmp_path / "keys.json").write_text("{}")
    path = _write(tmp_path, f"- {_OCMS}  jwksFile: keys.json\n")
    assert load_issuers(path) == (
        config.Issuer(
            issuer="https://i.example/", audiences=("a",), kind="ocms", jwks_file=str(tmp_path / "keys.json")
        ),
    )


def test_an_issuer_may_leave_out_that_emails_are_verified(tmp_path: Path) -> None:
    """Said of one issuer, it holds for that one only; Hii Retail's own say it in each token."""
    staff = "issuer: https://s.example/\n  audiences: [a]\n  kind: user\n  assumeEmailVerified: true\n"
    text = f"- {_OCMS}  jwksUri: https://i.example/\n- {staff}  jwksUri: https://s.example/\n"
    assert [issuer.assume_email_verified for issuer in load_issuers(_write(tmp_path, text))] == [False, True]
    assert not any(issuer.assume_email_verified for issuer in DEFAULT_ISSUERS)


def test_keys_in_the_file_itself(tmp_path: Path) -> None:
    """They get into the configuration as they are."""
    jwks = {"keys": [public(EC, "ec")]}
    (issuer,) = load_issuers(_write(tmp_path, f"- {_OCMS}  jwks: {json.dumps(jwks)}\n"))
    assert issuer.jwks == jwks


@pytest.mark.parametrize(
    ("jwks", "expected"),
    [
        ({}, "without a key for RS256"),
        ({"keys": []}, "without a key for RS256"),
        ({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, "without a key for RS256"),
        ({"keys": [EC.as_dict(private=True)]}, "has a private key in `jwks`; use the public key"),
    ],
)
def test_keys_that_are_no_use(tmp_path: Path, jwks: dict[str, Any], expected: str) -> None:
    """No key for tokens, or a private one, is refused; nothing of it is repeated."""
    with pytest.raises(IssuersError, match=expected) as caught:
        load_issuers(_write(tmp_path, f"- {_OCMS}  jwks: {json.dumps(jwks)}\n"))
    assert str(EC.as_dict(private=True)["d"]) not in str(caught.value)


@pytest.mark.parametrize(
    "uri", ["https://i.example/jwks", "http://127.0.0.1:1/jwks", "http://localhost/jwks", "http://[::1]:1/jwks"]
)
def test_safe_key_sources(tmp_path: Path, uri: str) -> None:
    """Keys come over https, or over http from this machine."""
    (issuer,) = load_issuers(_write(tmp_path, f"- {_OCMS}  jwksUri: {uri}\n"))
    assert issuer.jwks_uri == uri


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must hold one YAML document: a list of issuers"),
        ("a: 1\n", "must be a list"),
        ("[]\n", "has 0 entries; at least 1 is required"),
        (f"- {_OCMS}", "[0]: needs exactly one of `jwksUri`, `jwksFile` and `jwks`"),
        (f"- {_OCMS}  jwksUri: https://x\n  jwksFile: y\n", "[0]: needs exactly one of"),
        (f"- {_OCMS}  jwksUri: http://i.example/jwks\n", "[0]: has a `jwksUri` that is not https"),
        (f"- {_OCMS}  jwksUri: http://127.0.0.1.evil.example/\n", "[0]: has a `jwksUri` that is not https"),
        (f"- {_OCMS}  jwksUri: 'http://[x'\n", "[0]: has a `jwksUri` that is not https"),
        (f"- {_OCMS}  jwksFile: missing.json\n", "[0].jwksFile: does not exist; a relative path"),
        (f"- {_OCMS}  jwksUri: https://x\n  audience: b\n", "[0].audience: is unknown"),
        ("- {issuer: x, audiences: [], kind: ocms, jwksUri: https://x}\n", "[0].audiences: has 0 entries"),
        (
            "- {issuer: x, audiences: [a], kind: shopper, jwksUri: https://x}\n",
            "[0].kind: must be 'ocms' or 'user'",
        ),
        ("- x: [", "is not valid YAML"),
    ],
)
def test_bad_file(tmp_path: Path, text: str, expected: str) -> None:
    """A bad entry is named by its place in the list, with the fix."""
    path = _write(tmp_path, text)
    with pytest.raises(IssuersError) as caught:
        load_issuers(path)
    (problem,) = caught.value.problems
    assert str(problem).startswith(str(path))
    assert expected in str(problem)
