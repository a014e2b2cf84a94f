"""The tenant's OMS: credential, calls, retries, and what its answers mean."""
