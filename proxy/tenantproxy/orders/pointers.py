"""RFC 6901 pointers, as a configuration has them."""

from typing import Final

from tenantproxy.errors import FieldProblem

DEEPEST: Final = 16
"""Steps of a pointer: each reads the rest of the answer once more."""


def parse(pointer: str, path: str, errors: list[FieldProblem]) -> list[str]:
    """Return the tokens of a pointer; what is wrong with it is added to `errors`, under `path`."""
    bare = pointer.replace("~0", "").replace("~1", "")
    if (pointer and not pointer.startswith("/")) or "~" in bare:
        errors.append(FieldProblem(path, 'is not an RFC 6901 pointer; write /name/name, or "" for the whole'))
        return []
    tokens = pointer.split("/")[1:]
    if len(tokens) > DEEPEST:
        errors.append(FieldProblem(path, f"has {len(tokens)} steps; shorten it to at most {DEEPEST}"))
    return [token.replace("~1", "/").replace("~0", "~") for token in tokens]
