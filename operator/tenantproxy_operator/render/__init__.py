"""What the operator makes of a TenantProxy: pure functions, one file per kind."""
