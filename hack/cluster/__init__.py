"""A Kubernetes cluster for tests: `hack/cluster/cluster help`. Standard library only."""
