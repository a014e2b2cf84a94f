"""What a file is, and what the relay would make of it: for `tenantproxy poslog inspect`."""
