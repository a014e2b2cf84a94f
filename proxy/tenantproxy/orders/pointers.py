"""RFC 6901 pointers, as a configuration has them."""

import re
from collections.abc import Iterable
from typing import Final

from tenantproxy.errors import FieldProblem

DEEPEST: Final = 16
"""Steps of a pointer: each reads the rest of the answer once more."""


EVERY: Final = "*"
"""The step through all elements of a list, or all members of an object; only in pointers to lists."""


BESIDE: Final = r"1/([^~/]|~[01])+"
"""A relative pointer (Relative JSON Pointer): one step up, then a member."""


def beside(pointer: str) -> str | None:
    """Return the name of a member beside what another pointer leads to; None: a pointer is not of that form."""
    if not re.fullmatch(BESIDE, pointer):
        return None
    return pointer.removeprefix("1/").replace("~1", "/").replace("~0", "~")


def escaped(token: str) -> str:
    """Return a token as a pointer has it."""
    return token.replace("~", "~0").replace("/", "~1")


def written(tokens: Iterable[str]) -> str:
    """Return the pointer of tokens."""
    return "".join(f"/{escaped(token)}" for token in tokens)


def ways(tokens: Iterable[str]) -> list[list[str]]:
    """Return the tokens between the steps `*`: the way to the first list, then on from each of its elements."""
    between: list[list[str]] = [[]]
    for token in tokens:
        if token == EVERY:
            between.append([])
        else:
            between[-1].append(token)
    return between


def parse(
    pointer: str, path: str, errors: list[FieldProblem], *, is_list: bool = False, fix: str = "name the member"
) -> list[str]:
    """Return the tokens of a pointer; what is wrong with it is added to `errors`, under `path`.

    Only one to a list that is gone through, as `is_list` says, has the step `*`; `fix` is what helps elsewhere.
    """
    bare = pointer.replace("~0", "").replace("~1", "")
    if (pointer and not pointer.startswith("/")) or "~" in bare:
        errors.append(FieldProblem(path, 'is not an RFC 6901 pointer; write /name/name, or "" for the whole'))
        return []
    tokens = pointer.split("/")[1:]
    if len(tokens) > DEEPEST:
        errors.append(FieldProblem(path, f"has {len(tokens)} steps; shorten it to at most {DEEPEST}"))
    if EVERY in tokens and not is_list:
        errors.append(FieldProblem(path, f"has the step `{EVERY}`, which only pointers to lists have; {fix}"))
    return [token.replace("~1", "/").replace("~0", "~") for token in tokens]
