"""The command `tenantproxy`."""
