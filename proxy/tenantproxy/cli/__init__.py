"""The command `tenantproxy`; before all that its modules import, what those do without."""

from types import SimpleNamespace

from tenantproxy.lean_imports import import_without

# What is left out would be in every pod; `lean_imports` says how, and how much it is.
import_without("inspect", "ast", "tokenize")
# Its messages are English: to look for others would need the names of all languages.
import_without(
    "click",
    instead={"gettext": SimpleNamespace(gettext=str, ngettext=lambda one, more, n: one if n == 1 else more)},
)
# Python's `typing` has what it takes of typing_extensions.
import_without("msgspec", "msgspec.inspect", "msgspec._json_schema", instead={"typing_extensions": None})
