"""What is wrong with one field, wherever the field was given."""

from typing import NamedTuple


class FieldProblem(NamedTuple):
    """One invalid field and what is wrong with it, with the fix. Never its value.

    `field` is an RFC 6901 pointer into a JSON body, the dotted path in a manifest or configuration, or a Secret's
    key.
    """

    field: str
    detail: str
