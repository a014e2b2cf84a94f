"""`tenantproxy-operator doctor`: what is wrong with tenants, since when, whose turn it is, and what to do next."""
