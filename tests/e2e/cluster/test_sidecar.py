"""The proxy as a sidecar, as examples/sidecar shows it: no operator, no Kubernetes API."""

from support.cluster.sidecar import Sidecar


def test_application_reads_on_localhost(changed_sidecar: Sidecar) -> None:
    """The example's application prints orders that it reads from its own pod; a changed Secret gets into use."""
    changed_sidecar.wait_for("second")
    assert "HTTP Error" not in changed_sidecar.log()
    assert changed_sidecar.restarts() == [0]
