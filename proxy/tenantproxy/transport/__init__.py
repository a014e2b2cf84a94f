"""The HTTP client: bounded, guarded connections to the OMS and to token endpoints."""
