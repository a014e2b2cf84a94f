"""The custom resource TenantProxy: models, schema, reference."""
