"""Whether the contents of a Secret can be used. Pure; no content outlives its check."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from tenantproxy.credentials import formats
from tenantproxy.credentials.kinds import credential_keys, required_in_words
from tenantproxy.credentials.stores.secret import TENANT_ID
from tenantproxy.errors import FieldProblem
from tenantproxy_operator.api.reasons import Reason
from tenantproxy_operator.api.resource import TenantProxy
from tenantproxy_operator.api.upstream import CA_KEYS, CLIENT_CERTIFICATE_KEYS
from tenantproxy_operator.kube.objects import SecretContent
from tenantproxy_operator.settings import Settings
from tenantproxy_operator.validation import resource as admission
from tenantproxy_operator.validation.certificates import check_ca, check_client_certificate

_PROCESS_KEY: Final = secrets.token_bytes(32)
"""Makes fingerprints of credentials useless outside this process."""


class SecretCheck(msgspec.Struct, frozen=True):
    """Whether a Secret can be used, and what for; no content of it."""

    usable: bool
    reason: str
    message: str
    type: str | None = None
    """The type of the credential, if it is valid."""
    fingerprint: bytes = b""
    """Differs between credentials, within this process."""

    @property
    def unreadable(self) -> bool:
        """Whether the API server does not let it be read, so that nothing is known."""
        return self.reason == Reason.SECRET_UNREADABLE


class TLSSecret(NamedTuple):
    """A Secret that `spec.upstream.tls` refers to, and what checks it."""

    name: str
    check: Callable[[SecretContent | None, str], SecretCheck]


def tls_secrets(resource: TenantProxy) -> tuple[TLSSecret, ...]:
    """Return the Secrets that have to be valid before anything is applied."""
    candidates = (
        (resource.ca_secret_name, check_ca_secret),
        (resource.client_certificate_secret_name, check_client_certificate_secret),
    )
    return tuple(TLSSecret(name, check) for name, check in candidates if name is not None)


def find_foreign_secret(resource: TenantProxy, tenant_ids: Mapping[str, str]) -> SecretCheck | None:
    """Return what is wrong where a Secret of the spec holds a credential that was set for another tenant.

    `tenant_ids` says for which tenant, by the Secrets' names; empty: nobody has said.
    """
    namespace, tenant_id = resource.metadata.namespace, resource.spec.tenant_id
    for name in (resource.secret_name, *(secret.name for secret in tls_secrets(resource))):
        if tenant_ids.get(name, "") not in ("", tenant_id):
            return _refused(
                Reason.SECRET_OF_ANOTHER_TENANT,
                f"Secret {name} holds the credential of another tenant, as its annotation {TENANT_ID} says; name"
                f" another one in the spec, or, if nobody needs it: kubectl delete secret {name} -n {namespace};"
                f" or, if it is this tenant's: kubectl annotate secret {name} -n {namespace} --overwrite"
                f" {TENANT_ID}={tenant_id}",
            )
    return None


def check_credentials_secret(
    secret: SecretContent | None, resource: TenantProxy, settings: Settings
) -> SecretCheck:
    """Check the Secret that `spec.auth.secretRef` names."""
    name = resource.secret_name
    if secret is None:
        who = (
            "create it with External Secrets or kubectl"
            if _by_platform(resource)
            else "the operator creates it shortly"
        )
        return _refused(Reason.SECRET_MISSING, f"Secret {name} does not exist; {who}")
    data, errors = _decoded(secret, credential_keys())
    errors += [] if errors else admission.check_secret(data, resource, settings)
    if errors:
        return _refused(Reason.CREDENTIALS_INVALID, _said(name, errors))
    credential = formats.from_secret(data)
    if credential is None:
        how = (
            f"set {required_in_words()}, in it"
            if _by_platform(resource)
            else "a tenant's admin sets it with PUT /api/v1/proxy-config, or the platform team in the Secret"
        )
        return _refused(Reason.CREDENTIALS_MISSING, f"Secret {name} holds no credential yet; {how}")
    kind = credential.type
    fingerprint = hashlib.blake2b(formats.digest(credential).encode(), key=_PROCESS_KEY, digest_size=16)
    return SecretCheck(
        usable=True,
        reason=Reason.CREDENTIALS_SET,
        message=f"Secret {name} holds a well-formed credential ({kind})",
        type=kind,
        fingerprint=fingerprint.digest(),
    )


def check_poslog_keys(secret: SecretContent | None, resource: TenantProxy) -> SecretCheck | None:
    """Check that the tenant's Secret has the relay's keys, whatever is in them; None: there is to be no relay."""
    relay, name = resource.relay, resource.secret_name
    if relay is None:
        return None
    there = secret.data if secret else {}
    missing = [key for key in relay.secret_keys if not there.get(key)]
    if missing:
        message = f"Secret {name} lacks {', '.join(missing)}: the relay answers every event with 503; set it there"
        return _refused(Reason.POSLOG_KEYS_MISSING, message)
    message = f"Secret {name} has all keys that the relay needs" if relay.secret_keys else "the relay needs no key"
    return SecretCheck(usable=True, reason=Reason.POSLOG_KEYS_SET, message=message)


def unreadable_secret(name: str, why: str) -> SecretCheck:
    """Return what is said of the credential's Secret where the API server refuses to show it."""
    message = f"Secret {name} can't be read: {why}; grant the operator permission (`tenantproxy-operator rbac`)"
    return _refused(Reason.SECRET_UNREADABLE, message)


def check_ca_secret(secret: SecretContent | None, name: str) -> SecretCheck:
    """Check the Secret that `spec.upstream.tls.caSecretRef` names."""
    return _check_tls_secret(secret, name, "spec.upstream.tls.caSecretRef", CA_KEYS)


def check_client_certificate_secret(secret: SecretContent | None, name: str) -> SecretCheck:
    """Check the Secret that `spec.upstream.tls.clientCertificateSecretRef` names."""
    return _check_tls_secret(secret, name, "spec.upstream.tls.clientCertificateSecretRef", CLIENT_CERTIFICATE_KEYS)


def _check_tls_secret(secret: SecretContent | None, name: str, field: str, keys: tuple[str, ...]) -> SecretCheck:
    if secret is None:
        message = (
            f"{field}: Secret {name} does not exist; create it with {' and '.join(keys)}, or remove the field"
        )
        return _refused(Reason.TLS_SECRET_MISSING, message)
    data, errors = _decoded(secret, frozenset(keys))
    if not errors:
        errors = check_ca(data) if keys is CA_KEYS else check_client_certificate(data)
    if errors:
        return _refused(Reason.TLS_SECRET_INVALID, f"{field}: {_said(name, errors)}")
    return SecretCheck(usable=True, reason=Reason.ACCEPTED, message="")


def _refused(reason: str, message: str) -> SecretCheck:
    return SecretCheck(usable=False, reason=reason, message=message)


def _by_platform(resource: TenantProxy) -> bool:
    return resource.spec.auth.management == "platform"


def _said(name: str, errors: list[FieldProblem]) -> str:
    return f"Secret {name}: " + "; ".join(f"`{error.field}` {error.detail}" for error in errors)


def _decoded(secret: SecretContent, keys: frozenset[str]) -> tuple[dict[str, str], list[FieldProblem]]:
    """Return the keys that matter as text, and those that are no text."""
    data: dict[str, str] = {}
    errors: list[FieldProblem] = []
    for key in sorted(keys & secret.data.keys()):
        try:
            data[key] = base64.b64decode(secret.data[key]).decode()
        except UnicodeDecodeError:
            errors.append(FieldProblem(key, "is not text in UTF-8; set it again"))
    return data, errors
