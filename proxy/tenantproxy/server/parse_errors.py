"""Translate errors of aiohttp's parser into problems; nothing of the input is repeated."""

from typing import Final

from aiohttp.http_exceptions import BadHttpMethod, LineTooLong

from tenantproxy.problems import Problem

MAX_TARGET_BYTES: Final = 8190
MAX_HEADER_BYTES: Final = 8189
"""Of one header; other than `MAX_TARGET_BYTES`, so that aiohttp's error tells which of the two was exceeded."""
MAX_HEADERS: Final = 64


def problem_of(error: BaseException) -> Problem:
    """Return the problem for an error of the parser."""
    if isinstance(error, BadHttpMethod):
        return Problem("method-not-allowed", "There is no such method.", headers={"Allow": ""})
    if isinstance(error, LineTooLong):
        if error.args[1] == MAX_TARGET_BYTES:
            return Problem("target-too-long", f"The target may have at most {MAX_TARGET_BYTES} bytes.")
        return Problem("headers-too-large", f"A header may have at most {MAX_HEADER_BYTES} bytes.")
    if "Too many headers" in str(getattr(error, "message", "")):
        return Problem("headers-too-large", f"There may be at most {MAX_HEADERS} headers.")
    return Problem("malformed-request", "The request can't be parsed.")
