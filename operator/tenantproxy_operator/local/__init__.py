"""Running tenants' proxies as local processes, without a cluster."""
