"""Stand-ins for a tenant's OMS and for Hii Retail's token issuers; never in production."""
