"""Whether a PosLog may concern a customer order, by a look at its bytes; most don't, and needn't be parsed.

It never says no where a rule would match. XML has the names of elements and attributes as they are: no reference
can stand for a part of one, and in the encodings that are taken here each of their characters is its ASCII byte.
So what `Filter.needed` says is somewhere in the document, perhaps in a comment or a text, is so in its bytes, or
no rule matches. A `TypeCode` is an attribute's value, in which characters may be written as references; where
there is one to a character that such a code can have, the document is not judged by its codes.

Whatever else is unusual may concern one, too, so that parsing finds what is malformed: another encoding, a
document type declaration, comments before the root, a root that is no POSLog, or an end that is not the root's
end.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from tenantproxy.poslog.rules.paths import Needed

_USUAL: Final = re.compile(
    rb"""(?:\xef\xbb\xbf)?
    (?:<\?xml[ \t\r\n]+version[ ]?=[ ]?["']1\.0["']
       (?:[ \t\r\n]+encoding[ ]?=[ ]?["'](?i:utf-8|us-ascii|iso-8859-1)["'])?
       (?:[ \t\r\n]+standalone[ ]?=[ ]?["'](?:yes|no)["'])?[ \t\r\n]*\?>)?
    [ \t\r\n]*<(?P<root>(?:[A-Za-z_][A-Za-z0-9_.-]{0,63}:)?POSLog)[ \t\r\n>]""",
    re.VERBOSE,
)
"""How a document begins of which the bytes are looked at."""
_REFERENCE: Final = re.compile(rb"&#(?:x0*[2-7][0-9A-Fa-f]|0*(?:[3-9][0-9]|1[0-2][0-9]));")
"""To a printable character of ASCII, written for another reason than that XML demands it."""
_SPACE: Final = 64
"""Bytes of white space at the end."""


class Precheck:
    """A filter's words, as bytes."""

    def __init__(self, needed: Iterable[Needed]) -> None:
        """Take what a document must have, all of at least one of these, for a rule to match."""
        needed = tuple(needed)
        rules = Counter(word for each in needed for word in (*each.names, *each.codes))

        def in_turn(words: Iterable[str]) -> tuple[bytes, ...]:
            """Return the words, those of the most rules first: as each is sought once, most rules cost nothing."""
            return tuple(word.encode() for word in sorted(words, key=lambda word: (-rules[word], word)))

        self._needed: Final = tuple((in_turn(each.names), in_turn(each.codes)) for each in needed)

    def may_concern(self, xml: bytes) -> bool:
        """Return whether a rule may match; True as well where only parsing can tell."""
        start = _USUAL.match(xml)
        if start is None:
            return True
        end = b"</" + start["root"] + b">"
        if not xml[-len(end) - _SPACE :].rstrip().endswith(end):
            return True
        found: dict[bytes, bool] = {}

        def has(words: tuple[bytes, ...]) -> bool:
            for word in words:
                if word not in found:
                    found[word] = word in xml
                if not found[word]:
                    return False
            return True

        return any(
            has(names) and (has(codes) or _REFERENCE.search(xml) is not None) for names, codes in self._needed
        )
