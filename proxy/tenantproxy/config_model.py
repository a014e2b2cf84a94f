"""What all parts of the configuration have in common."""

import msgspec


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Strict, immutable, camelCase in JSON."""
