"""CEL rules about URLs and networks: what the egress guard refuses, too, whatever the operator permits.

Which addresses may be called depends on the operator's settings, and host bits of a network are beyond patterns:
that is in the status. No rule refuses what the guard takes.
"""

from typing import Final

from tenantproxy.transport.egress import INTERNATIONAL_HOST, LABEL, METADATA_HOSTS
from tenantproxy_operator.api.fields import Schema, cel

_BYTE: Final = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PORT: Final = "0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_SCHEME: Final = "^https?://"
_END: Final = "(:|/|$)"
_USER_INFO: Final = "^[^/]*//[^/]*@"
_METADATA: Final = "|".join(sorted(METADATA_HOSTS)).replace(".", "[.]")

BAD_NETWORK: Final = (
    "names a network that is not private, shared or loopback; public addresses need no permission, and others "
    "have it from the operator's --egress-allow only"
)
_UP_TO_32: Final = "[12][0-9]|3[0-2]"
_IPV4_NETWORKS: Final = {
    "(10|127)[.]": f"[89]|{_UP_TO_32}",
    "172[.](1[6-9]|2[0-9]|3[01])[.]": "1[2-9]|2[0-9]|3[0-2]",
    "192[.]168[.]": "1[6-9]|2[0-9]|3[0-2]",
    "100[.](6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])[.]": _UP_TO_32,
}
"""What a private, shared or loopback network begins with, and how long its prefix may be."""
PRIVATE_NETWORK: Final = "|".join(
    (
        *(f"^{start}[0-9.]+/({length})$" for start, length in _IPV4_NETWORKS.items()),
        "^[fF][cdCD][0-9a-fA-F]{2}:[0-9a-fA-F:.]+/([7-9]|[1-9][0-9]|1[0-2][0-9])$",
        "^[0:]+1/128$",
    )
)


_CHARACTERS: Final = r"^[!#-;=?-\[\]_a-z~]*$"
_INTERNATIONAL: Final = rf"{_SCHEME}[^/?#]*[^\x00-\x7F]"
_HOST_AND_PORT: Final = rf"{_SCHEME}(\[[0-9A-Fa-f:.]+\]|[^\[\]:/]+)(:{_PORT})?(/|$)"
_DOT_SEGMENT: Final = "/[.][.]?(/|$)"
_LIKE_IPV4: Final = rf"{_SCHEME}([^/:]*[.])?(0[xX][0-9a-fA-F]*|[0-9]+)[.]?{_END}"
_IPV4: Final = rf"{_SCHEME}({_BYTE}[.]){{3}}{_BYTE}{_END}"
_VALID_HOST: Final = rf"{_SCHEME}(\[|({LABEL}[.])*{LABEL}[.]?{_END})"
_METADATA_HOST: Final = rf"(?i){_SCHEME}({_METADATA})[.]?{_END}"


def base_url_rules(field: str) -> list[Schema]:
    """Return the rules for the field of a model that is a base URL.

    They are the model's: at the field itself, the API server's message would repeat the value, with a password.
    """

    def is_like(pattern: str) -> str:
        return f"self.{field}.matches(r'{pattern}')"

    user_info = is_like(_USER_INFO)
    rules = (
        (f"!{user_info}", "has user-info; put credentials into the Secret that auth.secretRef names"),
        (f"!{is_like(_INTERNATIONAL)}", INTERNATIONAL_HOST),
        (
            f"{is_like(_CHARACTERS)} || {is_like(_INTERNATIONAL)}",
            "has a character that URLs can't have; percent-encode it",
        ),
        (f"{user_info} || {is_like(_HOST_AND_PORT)}", "has no host or a bad port; write https://HOST[:PORT]/PATH"),
        (f"!{is_like(_DOT_SEGMENT)}", "has a dot segment; write the path out"),
        (
            f"!{is_like(_LIKE_IPV4)} || {is_like(_IPV4)}",
            "names a host that looks like an IPv4 address; write its four decimal parts",
        ),
        (f"{user_info} || {is_like(_VALID_HOST)}", "names a host that is not a valid name"),
        (f"!{is_like(_METADATA_HOST)}", "names a host that is a cloud metadata host"),
    )
    return [cel(rule, message, path=f".{field}") for rule, message in rules]
