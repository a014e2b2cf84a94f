"""The control plane of TenantProxy: from TenantProxy manifests to running proxies."""
