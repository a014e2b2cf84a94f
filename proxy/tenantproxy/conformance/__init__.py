"""The kit `tenantproxy conformance`: the caller's side for an OMS that is to be connected; never in `serve`."""
