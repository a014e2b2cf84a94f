"""The command `tenantproxy-operator`."""
