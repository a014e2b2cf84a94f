"""An API key in a header of the OMS's own: Shopify and BigCommerce have one such header, VTEX has two."""

from collections.abc import Mapping
from typing import ClassVar, Final, Self

from tenantproxy.credentials.base import CredentialError, StaticCredential, find_missing
from tenantproxy.credentials.headers import check_header_name, check_header_value
from tenantproxy.errors import FieldProblem

_FIRST: Final = ("headerName", "headerValue")
_SECOND: Final = ("secondHeaderName", "secondHeaderValue")


class ApiKey(StaticCredential, frozen=True, kw_only=True):
    """One or two headers, by name and value."""

    type: ClassVar[str] = "apiKey"
    required_keys: ClassVar[tuple[str, ...]] = _FIRST
    optional_keys: ClassVar[tuple[str, ...]] = _SECOND

    header_name: str
    header_value: str
    second_header_name: str | None = None
    second_header_value: str | None = None

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """Return the credential in the given keys."""
        has_second = any(given.get(key) for key in _SECOND)
        problems = find_missing(given, (*_FIRST, *_SECOND) if has_second else _FIRST)
        for name, value in (_FIRST, _SECOND):
            if given.get(name):
                problems += check_header_name(name, given[name])
            problems += check_header_value(value, given.get(value, ""))
        if given.get(_SECOND[0]) and given.get(_FIRST[0], "").lower() == given[_SECOND[0]].lower():
            problems.append(FieldProblem(_SECOND[0], "is the same header as the first one; remove it"))
        if problems:
            raise CredentialError(problems)
        return cls(
            header_name=given["headerName"],
            header_value=given["headerValue"],
            second_header_name=given["secondHeaderName"] if has_second else None,
            second_header_value=given["secondHeaderValue"] if has_second else None,
        )

    def to_keys(self) -> dict[str, str]:
        """Return what is set."""
        keys = {"headerName": self.header_name, "headerValue": self.header_value}
        if self.second_header_name is not None and self.second_header_value is not None:
            keys |= {"secondHeaderName": self.second_header_name, "secondHeaderValue": self.second_header_value}
        return keys

    @property
    def header_names(self) -> Mapping[str, str]:
        """One or two."""
        keys = self.to_keys()
        return {name: keys[name] for name, _ in (_FIRST, _SECOND) if name in keys}

    @property
    def headers(self) -> Mapping[str, str]:
        """One or two."""
        keys = self.to_keys()
        return {keys[name]: keys[value] for name, value in (_FIRST, _SECOND) if name in keys}
