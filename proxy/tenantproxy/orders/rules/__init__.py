"""The rules of a mapping, each compiled to the source of an outward field (see `transform.FieldSource`)."""
