"""The files that the node's daemons read; JSON wherever they take YAML."""

import base64
import json
from pathlib import Path
from typing import Any, Final

from hack.cluster.layout import API_URL, CGROUP, DNS_ADDRESS, DOMAIN, INSIDE, NODE, NODE_ADDRESS, PODS, SERVICES
from hack.cluster.pki import Pair

_CNI_BINARIES: Final = ("/usr/lib/cni", "/opt/cni/bin")

CONTAINERD: Final = """\
version = 4
root = "{inside}/containerd"

[plugins.'io.containerd.cri.v1.images']
snapshotter = "overlayfs"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "localhost/pause:node"

[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = {cni}
conf_dir = "{inside}/cni"
"""

AUDIT_POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
        {"level": "None"},
    ],
}


def cni_directory() -> Path | None:
    """Return where the CNI plugins are; None if nowhere."""
    return next((Path(path) for path in _CNI_BINARIES if (Path(path) / "bridge").exists()), None)


def containerd() -> str:
    """Return containerd's configuration."""
    return CONTAINERD.format(inside=INSIDE, cni=json.dumps(_CNI_BINARIES))


def kubeconfig(authority: Pair, pair: Pair) -> dict[str, Any]:
    """Return the access of a client, with all that it needs in it."""
    cluster = {"server": API_URL, "certificate-authority-data": _base64(authority.certificate)}
    user = {"client-certificate-data": _base64(pair.certificate), "client-key-data": _base64(pair.key)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NODE, "cluster": cluster}],
        "users": [{"name": NODE, "user": user}],
        "contexts": [{"name": NODE, "context": {"cluster": NODE, "user": NODE}}],
        "current-context": NODE,
    }


def kubelet(pki: Path) -> dict[str, Any]:
    """Return the kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        # With the serving certificate signed by the cluster's CA nobody needs an insecure flag.
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": DOMAIN,
        "resolvConf": "",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "podLogsDir": str(INSIDE / "pods"),
        "volumePluginDir": str(INSIDE / "volume-plugins"),
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        # Images are brought, not pulled: one that is collected would not come again.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }


def kube_proxy() -> dict[str, Any]:
    """Return kube-proxy's configuration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(INSIDE / "kube-proxy.kubeconfig")},
        "clusterCIDR": PODS,
        "hostnameOverride": NODE,
        # The kernel's own settings are not the node's to change.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }


def cni() -> dict[str, Any]:
    """Return the pods' network: a bridge, with the leases of addresses where they end with the node."""
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni",
                    "ranges": [[{"subnet": PODS}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def apiserver(pki: Path) -> tuple[str, ...]:
    """Return the API server's options."""
    front = pki / "front-proxy"
    return (
        f"--advertise-address={NODE_ADDRESS}",
        "--etcd-servers=http://127.0.0.1:2379",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/service-accounts.crt",
        f"--service-account-signing-key-file={pki}/service-accounts.key",
        f"--service-cluster-ip-range={SERVICES}",
        # Nobody resolves the node's name: exec, logs, port-forward and metrics would time out.
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet.key",
        f"--requestheader-client-ca-file={front}/ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={front}/client.crt",
        f"--proxy-client-key-file={front}/client.key",
        "--enable-aggregator-routing=true",
        f"--audit-policy-file={INSIDE}/audit-policy.json",
        f"--audit-log-path={INSIDE}/audit.log",
        # A line is written before the answer's end is sent, and the file is never rotated: tests count in it.
        "--audit-log-mode=blocking",
        "--audit-log-maxsize=100000",
    )


def controller_manager(pki: Path) -> tuple[str, ...]:
    """Return the controller manager's options."""
    return (
        f"--kubeconfig={INSIDE}/kube-controller-manager.kubeconfig",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={pki}/service-accounts.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        # Elsewhere it loses its lease while the API server is away, and begins anew. This one goes on, and would
        # take the only node for gone, and all pods out of their Services, until it has heard of the node again.
        "--node-monitor-grace-period=300s",
        # Three times as often as by default: a test of autoscaling waits for several looks.
        "--horizontal-pod-autoscaler-sync-period=5s",
    )


def scheduler() -> tuple[str, ...]:
    """Return the scheduler's options."""
    return (f"--kubeconfig={INSIDE}/kube-scheduler.kubeconfig", "--bind-address=127.0.0.1", "--leader-elect=false")


def etcd() -> tuple[str, ...]:
    """Return etcd's options; a crash of the machine ends the cluster, too, so that nothing is synced."""
    return (
        f"--data-dir={INSIDE}/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:0",
        "--unsafe-no-fsync",
    )


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
