"""Which TenantProxies conflict, which was the first, and which are told."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tenantproxy_operator.kube.kinds import Key
from tenantproxy_operator.validation.claims import Claim, Claims, Rival, claim_of

ACME, BRAVO, CHARLY = (Key("tenants", name) for name in ("acme", "bravo", "charly"))
SECRET, OTHER = Key("tenants", "s"), Key("tenants", "other")


def body(spec: Any, *, created: str = "2026-01-01T00:00:00Z", status: Any = None) -> dict[str, Any]:
    metadata = {"namespace": "tenants", "name": "acme", "creationTimestamp": created}
    return {"metadata": metadata, "spec": spec, "status": status}


def with_secret(name: str) -> dict[str, Any]:
    return {"auth": {"secretRef": {"name": name}}}


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ({}, {"acme-credentials"}),
        (with_secret("shared"), {"shared"}),
        ({"upstream": {"tls": {"caSecretRef": {"name": "ca"}}}}, {"acme-credentials", "ca"}),
        (
            {"upstream": {"tls": {"clientCertificateSecretRef": {"name": "c"}, "caSecretRef": {"name": "c"}}}},
            {"acme-credentials", "c"},
        ),
        ({"upstream": {"forwardProxy": {"secretRef": {"name": "squid"}}}}, {"acme-credentials", "squid"}),
        (None, {"acme-credentials"}),
        ([], {"acme-credentials"}),
        ("text", {"acme-credentials"}),
        ({"auth": []}, {"acme-credentials"}),
        ({"auth": {"secretRef": "shared"}}, {"acme-credentials"}),
        ({"auth": {"secretRef": {"name": 5}}}, set()),
        ({"auth": {"secretRef": {"name": ""}}}, {"acme-credentials"}),
        ({"upstream": {"tls": {"caSecretRef": {"name": ["x"]}}}}, {"acme-credentials"}),
    ],
)
def test_references(spec: Any, names: set[str]) -> None:
    """A spec that can't be used may refer to Secrets all the same; whatever it is made of, it is no error."""
    assert claim_of(body(spec)).secrets == {Key("tenants", name) for name in names}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["auth", "secretRef", "name", "upstream", "tls", "caSecretRef"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_references_of_anything(spec: Any) -> None:
    """No spec makes the handler of events fail."""
    assert all(key.namespace == "tenants" and key.name for key in claim_of(body(spec)).secrets)


def test_what_is_wanted() -> None:
    """The tenant's id and the Secret with the credential; the first is older, and uses that Secret already."""
    tls = {"caSecretRef": {"name": "ca"}, "clientCertificateSecretRef": {"name": "client"}}
    spec = {"tenantId": "T-1", "auth": {"secretRef": {"name": "s"}}, "upstream": {"tls": tls}}
    assert claim_of(body(spec)) == Claim(
        newcomer=True,
        created="2026-01-01T00:00:00Z",
        key=ACME,
        tenant_id="T-1",
        credential=SECRET,
        certificates=frozenset([Key("tenants", "ca"), Key("tenants", "client")]),
    )
    assert not claim_of(body(spec, status={"secretName": "s"})).newcomer
    assert claim_of(body(spec, status={"secretName": "another"})).newcomer


@pytest.mark.parametrize("tenant_id", [None, 1, "", [], {}])
def test_no_tenant_id(tenant_id: Any) -> None:
    """What is no id is none that two could have."""
    claims, _ = known()
    for key in (ACME, BRAVO):
        found = claim_of(body({"tenantId": tenant_id}))
        claims.put(Claim(newcomer=False, created="", key=key, tenant_id=found.tenant_id))
    assert claims.rivals(ACME) == []


def known(*claims: Claim) -> tuple[Claims, list[Key]]:
    """Return these claims, and a list of who is told from now on."""
    told: list[Key] = []
    found = Claims(told.append)
    for claim in claims:
        found.put(claim)
    told.clear()
    return found, told


def claim(key: Key, tenant_id: str, secret: Key | None = None, *, tls: Key | None = None, **more: Any) -> Claim:
    given: dict[str, Any] = {"newcomer": False, "created": "2026"} | more
    own = secret or Key(key.namespace, f"{key.name}-credentials")
    certificates = frozenset([tls] if tls else ())
    return Claim(key=key, tenant_id=tenant_id, credential=own, certificates=certificates, **given)


def test_one_tenant_id() -> None:
    """In whatever namespaces: each has the other as its rival, and the older one was first."""
    away = Key("elsewhere", "acme")
    claims, told = known(claim(ACME, "T-1", created="2026"))
    claims.put(claim(away, "T-1", created="2025"))
    assert told == [ACME]
    assert claims.rivals(ACME) == [Rival(away, None, first=True)]
    assert claims.rivals(away) == [Rival(ACME, None, first=False)]
    claims.put(claim(BRAVO, "T-2"))
    assert (claims.rivals(BRAVO), told) == ([], [ACME])


def test_one_secret() -> None:
    """Two tenants with one Secret are rivals, of whom the name decides; two of one tenant may share theirs."""
    claims, told = known(claim(ACME, "T-1", SECRET))
    claims.put(claim(BRAVO, "T-2", SECRET))
    assert told == [ACME]
    assert claims.rivals(ACME) == [Rival(BRAVO, SECRET, first=False)]
    assert claims.rivals(BRAVO) == [Rival(ACME, SECRET, first=True)]
    claims.put(claim(BRAVO, "T-1", SECRET))
    assert claims.rivals(ACME) == [Rival(BRAVO, None, first=False)]
    away = Key("elsewhere", "s")
    claims.put(claim(CHARLY, "T-3", away))
    assert claims.rivals(CHARLY) == []


def test_anothers_default_secret() -> None:
    """It is that one's as much as if its spec named it."""
    claims, _ = known(claim(ACME, "T-1"), claim(BRAVO, "T-2", Key("tenants", "acme-credentials")))
    assert claims.rivals(ACME) == [Rival(BRAVO, Key("tenants", "acme-credentials"), first=False)]


def test_certificates() -> None:
    """A CA may be many tenants'; where one of them has its credential there, it is not."""
    claims, told = known(claim(ACME, "T-1", tls=SECRET), claim(BRAVO, "T-2", tls=SECRET))
    assert (claims.rivals(ACME), claims.rivals(BRAVO)) == ([], [])
    claims.put(claim(CHARLY, "T-3", SECRET, created="2027"))
    assert sorted(told) == [ACME, BRAVO]
    assert claims.rivals(ACME) == [Rival(CHARLY, SECRET, first=False)]
    assert claims.rivals(CHARLY) == [Rival(ACME, SECRET, first=True)]
    told.clear()
    claims.remove(ACME)
    assert told == [CHARLY]
    assert claims.rivals(CHARLY) == [Rival(BRAVO, SECRET, first=True)]
    claims.put(claim(BRAVO, "T-2"))
    assert claims.rivals(CHARLY) == []


def test_who_uses_it_already_was_first() -> None:
    """An older TenantProxy whose spec comes to name a younger one's Secret was not first."""
    claims, _ = known(claim(BRAVO, "T-2", SECRET, created="2026"))
    claims.put(claim(ACME, "T-1", SECRET, created="2025", newcomer=True))
    assert claims.rivals(BRAVO) == [Rival(ACME, SECRET, first=False)]
    assert claims.rivals(ACME) == [Rival(BRAVO, SECRET, first=True)]


def test_thousands_that_want_the_same() -> None:
    """Who comes after the first two concerns nobody but the first: others are not told of each further one."""
    claims, told = known()
    for number in range(3000):
        claims.put(claim(Key("tenants", f"t{number:04}"), "T-1"))
    assert told == [Key("tenants", "t0000")]
    assert claims.rivals(Key("tenants", "t2999")) == [Rival(Key("tenants", "t0000"), None, first=True)]


KEYS = [Key("tenants", name) for name in "abcd"]
CLAIMS = st.builds(
    Claim,
    newcomer=st.booleans(),
    created=st.sampled_from(["2025", "2026"]),
    key=st.sampled_from(KEYS),
    tenant_id=st.sampled_from(["", "T-1", "T-2"]),
    credential=st.none() | st.sampled_from([SECRET, OTHER]),
    certificates=st.frozensets(st.sampled_from([SECRET, OTHER])),
)


def rivals_of(own: Claim, others: list[Claim]) -> list[Rival]:
    """Return the same as `Claims.rivals`, by looking at all."""
    found = [
        (
            secret,
            [
                other
                for other in others
                if secret in other.secrets
                and secret in (own.credential, other.credential)
                and other.tenant_id != own.tenant_id
            ],
        )
        for secret in sorted(own.secrets)
    ]
    same = [other for other in others if own.tenant_id and other.tenant_id == own.tenant_id]
    first = [(secret, min(those)) for secret, those in [*found, (None, same)] if those]
    return [Rival(other.key, secret, first=other < own) for secret, other in first]


class AnyHistory(RuleBasedStateMachine):
    """Whatever comes and goes, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.told: set[Key] = set()
        self.claims = Claims(self.told.add)
        self.known: dict[Key, Claim] = {}
        self.before: dict[Key, list[Rival]] = {}

    def rivals(self) -> dict[Key, list[Rival]]:
        return {
            key: rivals_of(own, [other for other in self.known.values() if other is not own])
            for key, own in self.known.items()
        }

    @rule(claim=CLAIMS)
    def put(self, claim: Claim) -> None:
        self.claims.put(claim)
        self.known[claim.key] = claim
        self.told.add(claim.key)

    @rule(key=st.sampled_from(KEYS))
    def remove(self, key: Key) -> None:
        self.claims.remove(key)
        self.known.pop(key, None)
        self.told.add(key)

    @invariant()
    def right(self) -> None:
        """Rivals are as a look at all finds them, and whose rivals have changed was told."""
        now = self.rivals()
        assert {key: self.claims.rivals(key) for key in KEYS} == {key: now.get(key, []) for key in KEYS}
        assert {key for key in now if now[key] != self.before.get(key)} <= self.told
        for secret, key in itertools.product((SECRET, OTHER), KEYS):
            refers = key in self.known and secret in self.known[key].secrets
            assert (key in self.claims.referring_to(secret)) is refers
            assert (secret in self.claims.secrets_of(key)) is refers
        self.before = now
        self.told.clear()


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(max_examples=50, stateful_step_count=40)
