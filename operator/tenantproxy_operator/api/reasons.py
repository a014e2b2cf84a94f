"""The reasons of a TenantProxy's conditions.

docs/conditions.md says what to do about each reason; a test keeps the two equal.
"""

from typing import Final


class Reason:
    """All reasons that conditions have."""

    # Accepted
    ACCEPTED: Final = "Accepted"
    SUSPENDED: Final = "Suspended"
    ROLLOUT_PENDING: Final = "RolloutPending"
    ROLLOUT_STOPPED: Final = "RolloutStopped"
    INVALID_SPEC: Final = "InvalidSpec"
    TLS_SECRET_MISSING: Final = "TLSSecretMissing"
    TLS_SECRET_INVALID: Final = "TLSSecretInvalid"
    SECRET_OF_ANOTHER_TENANT: Final = "SecretOfAnotherTenant"
    ROUTE_UNAVAILABLE: Final = "RouteUnavailable"
    NOT_UNIQUE: Final = "NotUnique"
    CONFLICT: Final = "Conflict"
    APPLY_REFUSED: Final = "ApplyRefused"
    APPLY_FAILED: Final = "ApplyFailed"
    # Available
    PROXIES_READY: Final = "ProxiesReady"
    ROLLING_OUT: Final = "RollingOut"
    ROLLOUT_STUCK: Final = "RolloutStuck"
    REPLICA_FAILURE: Final = "ReplicaFailure"
    DEPLOYMENT_PAUSED: Final = "DeploymentPaused"
    PROXIES_NOT_READY: Final = "ProxiesNotReady"
    PENDING: Final = "Pending"
    # PoslogAvailable: those of Available, but for the two about proxies
    RELAYS_READY: Final = "RelaysReady"
    RELAYS_NOT_READY: Final = "RelaysNotReady"
    # CredentialsReady
    CREDENTIALS_SET: Final = "CredentialsSet"
    CREDENTIALS_MISSING: Final = "CredentialsMissing"
    CREDENTIALS_INVALID: Final = "CredentialsInvalid"
    SECRET_MISSING: Final = "SecretMissing"
    SECRET_UNREADABLE: Final = "SecretUnreadable"
    # PoslogKeysReady: also SecretUnreadable
    POSLOG_KEYS_SET: Final = "PoslogKeysSet"
    POSLOG_KEYS_MISSING: Final = "PoslogKeysMissing"
    # Unique
    UNIQUE: Final = "Unique"
    SECRET_SHARED: Final = "SecretShared"
    DUPLICATE_TENANT: Final = "DuplicateTenant"
    # Ready: that of Accepted, Available or PoslogAvailable, where one does not hold, or rolls out, else
    READY: Final = "Ready"
