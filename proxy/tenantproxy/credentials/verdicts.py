"""What metrics and log say of the credential in use: which one it is, and whether the OMS takes it."""

import logging

from tenantproxy.credentials.base import Credential
from tenantproxy.credentials.kinds import KINDS
from tenantproxy.credentials.proof import State
from tenantproxy.process_metrics import ProcessMetrics
from tenantproxy.troubles import Trouble

_log = logging.getLogger(__name__)


class Verdicts:
    """Tells of each when it comes; the log, only where it changes anything."""

    def __init__(self, metrics: ProcessMetrics) -> None:
        self._metrics = metrics
        self._rejected = Trouble(
            "upstream-rejected-credentials", "the credential is rejected", "the credential is accepted again"
        )
        self._token_rejected = Trouble(
            "upstream-rejected-credentials",
            "the OMS rejects the access token",
            "the OMS accepts the access token again",
        )

    def replaced(self, credential: Credential | None) -> None:
        """Tell that another credential is in use, of which nothing is known; None: there is none."""
        _log.info("another credential is in use" if credential is not None else "no credential is in use")
        for trouble in (self._rejected, self._token_rejected):
            trouble.forget()
        self._metrics.credential_changed(
            credential.type if credential is not None else None,
            among=KINDS,
            expires_at=credential.expires_at if credential is not None else None,
        )

    def credential(self, state: State, rejection: str) -> None:
        """Tell how the credential stands; `rejection`: the token endpoint's word, if that rejected it."""
        if state == "untried":
            return
        self._metrics.credential_accepted(accepted=state == "accepted")
        if state == "rejected":
            self._rejected.begins(rejection or None)
        else:
            self._rejected.ends()

    def token(self, *, accepted: bool) -> None:
        """Tell whether the OMS took an access token."""
        self._metrics.credential_accepted(accepted=accepted)
        if accepted:
            self._token_rejected.ends()
        else:
            self._token_rejected.begins("token")
