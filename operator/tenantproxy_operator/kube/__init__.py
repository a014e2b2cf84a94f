"""The Kubernetes API as the operator uses it: connection, calls, kinds and decoded objects."""
