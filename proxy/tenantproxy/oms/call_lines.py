"""The debug line of a call of the OMS: how it went, and no value of the request or the response."""

from tenantproxy.debugging import DEBUG_LOG
from tenantproxy.logs import fields
from tenantproxy.observation import Observation
from tenantproxy.oms.requests.request import OmsRequest
from tenantproxy.transport.base import UpstreamError, UpstreamResponse


def write(
    request: OmsRequest,
    template: str,
    credential: tuple[str, str],
    outcome: UpstreamResponse | UpstreamError | None,
    seconds: float,
    observation: Observation,
) -> None:
    """Write it, with the credential's type and state; `outcome` is None where nobody waits for it any more."""
    kind, state = credential
    said: dict[str, object] = {"reason": "abandoned"}
    if isinstance(outcome, UpstreamResponse):
        said = {"upstreamStatus": outcome.status, "bytes": len(outcome.body)}
    elif outcome is not None:
        said = {"reason": outcome.reason}
    if observation.connection_reused is not None:
        said["connectionReused"] = observation.connection_reused
    DEBUG_LOG.debug(
        "call of the OMS",
        extra=fields(
            operation=request.operation,
            method=request.method,
            path=template,
            call=observation.calls,
            **said,
            upstreamMs=round(seconds * 1000, 1),
            credential=kind,
            credentialState=state.lower().replace("_", "-"),
            correlationId=observation.correlation_id,
        ),
    )
