"""Where the cluster's parts are, on the disk and in the network."""

import hashlib
import os
from pathlib import Path
from typing import Final

STATE: Final = (
    Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state").absolute()
    / "tenantproxy"
    / "cluster"
)
"""All that a cluster writes; removed with it."""
KUBECONFIG: Final = STATE / "kubeconfig"
ADDONS: Final = Path(__file__).resolve().parent / "addons"

INSIDE: Final = Path("/run/tenantproxy-cluster")
"""Where the source-built node sees STATE."""
READY: Final = b"\0"
"""What the node ends its output with when it is ready; unshare keeps the pipe open."""
CGROUP: Final = f"tenantproxy-{hashlib.sha256(str(STATE).encode()).hexdigest()[:8]}"
"""Below it, in every hierarchy, are the cgroups of the node's pods: not among those of another kubelet."""
NODE: Final = "node"
DOMAIN: Final = "cluster.local"
NODE_ADDRESS: Final = "172.31.0.2"
NODE_PREFIX: Final = 24
PODS: Final = "10.244.0.0/24"
SERVICES: Final = "10.96.0.0/12"
API_SERVICE_ADDRESS: Final = "10.96.0.1"
DNS_ADDRESS: Final = "10.96.0.10"
API_PORT: Final = 6443
API_URL: Final = f"https://{NODE_ADDRESS}:{API_PORT}"
