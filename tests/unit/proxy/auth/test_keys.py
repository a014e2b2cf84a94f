"""Which keys of a JWK set are used; joserfc, an implementation of all of RFC 7517, is asked the same."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from support.proxy.issuer import EC, OTHER_EC, OTHER_RSA, RSA, b64, public
from tenantproxy.auth.keys import usable_key

_KINDS: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey}
_ALGORITHM_OF = {"RSA": "RS256", "EC": "ES256"}
SIGNED = b"header.claims"


def by_joserfc(entry: Any) -> tuple[str | None, str] | None:
    """Return the id and the algorithm of a key that joserfc takes, for the same use."""
    try:
        key = _KINDS[entry["kty"]].import_key(entry)
        key.check_use("sig")
        key.check_alg(_ALGORITHM_OF[key.key_type])
        key.check_key_op("verify")
    except (JoseError, ArithmeticError, LookupError, TypeError, ValueError):
        return None
    fits = key.raw_value.key_size >= 2048 if isinstance(key, RSAKey) else key.curve_name == "P-256"
    return (key.kid, _ALGORITHM_OF[key.key_type]) if fits else None


_NUMBERS = st.sampled_from(
    ["", "A", "AQ", "AQAB", "AQAB==", "AQ!AB", "ä", "_" * 400, "-" * 43, public(OTHER_RSA)["n"]]
) | st.sampled_from([public(OTHER_EC)["x"], public(OTHER_EC)["y"], 5, [], {}])
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "kty": st.sampled_from(["RSA", "EC", "oct", "OKP", "", 5]),
        "kid": st.sampled_from(["", "a", 5, None]),
        "use": st.sampled_from(["sig", "enc", "", 5, None]),
        "alg": st.sampled_from(["RS256", "ES256", "PS256", "", 5, None]),
        "key_ops": st.none() | st.lists(st.sampled_from(["verify", "sign", "encrypt"]), max_size=3),
        "crv": st.sampled_from(["P-256", "P-384", "secp256k1", "", 5]),
        "n": _NUMBERS,
        "e": _NUMBERS,
        "x": _NUMBERS,
        "y": _NUMBERS,
        "more": st.none() | st.integers(),
    },
)


KEYS = st.sampled_from([public(RSA), public(EC)])
MISSING = st.sets(st.sampled_from(["n", "e", "x", "crv", "kty"]))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@given(KEYS, CHANGES, MISSING)
@example(public(RSA), {"e": "-" * 43}, set()).via("the last character has bits that are left over")
def test_the_same_keys_as_joserfc(key: dict[str, Any], changes: dict[str, Any], missing: set[str]) -> None:
    """Where they differ, ours has fewer: base64url is taken strictly, and no empty algorithm."""
    entry = {name: value for name, value in {**key, **changes}.items() if name not in missing}
    ours, theirs = usable_key(entry), by_joserfc(entry)
    if ours is not None:
        assert ours[:2] == theirs
    elif theirs is not None:
        assert entry.get("alg") == "" or any("!" in str(entry.get(name)) for name in "nexy")


@pytest.mark.parametrize("key", [RSA, EC], ids=["RSA", "EC"])
@pytest.mark.parametrize("members", [{}, {"kid": "a", "key_ops": ["verify"], "x5c": ["MIIB"]}])
def test_a_key_verifies_what_its_other_half_signed(key: RSAKey | ECKey, members: dict[str, Any]) -> None:
    """It does for nothing else."""
    usable = usable_key({**public(key), **members})
    assert usable is not None
    signature = JWSRegistry.algorithms[usable.algorithm].sign(SIGNED, key)
    assert usable.has_signed(SIGNED, signature)
    assert not usable.has_signed(SIGNED + b"x", signature)
    assert not usable.has_signed(SIGNED, signature[:-1])
    assert not usable.has_signed(SIGNED, b"\0" + signature)
    assert not usable.has_signed(SIGNED, signature[:32] + b"\0" + signature[32:])


@pytest.mark.parametrize(
    "entry",
    [
        {**public(RSA), "n": b64((1 << 2046 | 1).to_bytes(256, "big"))},
        public(ECKey.generate_key("P-384")),
        {**public(EC), "x": public(OTHER_EC)["x"]},  # a point beside the curve
        {**public(EC), "crv": "P-384"},
        *({**public(RSA), "e": exponent} for exponent in ("", "AA", "AQ!AB", "AQAB==")),
        {**public(RSA), "use": "enc"},
        {**public(RSA), "alg": "PS256"},
        {**public(RSA), "key_ops": []},
        {**public(RSA), "key_ops": ["verify", "encrypt"]},
        *(None, 5, "x", [], {}),
    ],
)
def test_others_are_of_no_use(entry: Any) -> None:
    """Too short, of another kind, or not for signatures."""
    assert usable_key(entry) is None
