"""Render the children of a TenantProxy: pure functions, one file per kind."""
