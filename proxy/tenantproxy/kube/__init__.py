"""The Kubernetes API, for the proxies and for the operator."""
