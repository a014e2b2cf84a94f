"""The data plane of TenantProxy: one read-only, mapping proxy for one tenant."""

__version__ = "0.1.0"
