"""What the API is called, and the types of names in its manifests."""

import re
from typing import Annotated, Final, Literal, get_args

from tenantproxy_operator.api.fields import Text

GROUP: Final = "proxy.hiiretail.com"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "TenantProxy"
PLURAL: Final = "tenantproxies"

OWN_PREFIX: Final = f"{GROUP}/"
"""Of our own labels and annotations."""

DEBUG_UNTIL: Final = f"{OWN_PREFIX}debug-until"
"""The annotation of a TenantProxy with the time until which its proxies write debug lines."""

LONGEST_NAME: Final = 50
"""Of a TenantProxy: its Services' names, `<name>-proxy`, must fit into 63 characters; a hashed child's has 253."""

Component = Literal["proxy", "poslog"]
"""What runs for a tenant: its proxies, and the PosLog relay. It is in the children's names and labels."""
PROXY: Final[Component] = "proxy"
POSLOG: Final[Component] = "poslog"
COMPONENTS: Final[tuple[Component, ...]] = get_args(Component)
"""What every tenant has comes first."""

CONTENT_HASH_BYTES: Final = 10
"""Of the hash in a child's name: too many for anybody to find another content of the same name."""
_CHILD: Final = re.compile(rf"(.+)-({'|'.join(COMPONENTS)})")
_HASHED: Final = re.compile(rf"{_CHILD.pattern}-[0-9a-f]{{{2 * CONTENT_HASH_BYTES}}}")


def child_name(name: str, component: Component = PROXY) -> str:
    """Return the name of all children of a component of the TenantProxy `name`, but of its Secret."""
    return f"{name}-{component}"


def debug_name(name: str) -> str:
    """Return the name of the ConfigMap by which the pods of the TenantProxy `name` learn of that time."""
    return f"{child_name(name)}-debug"


def hashed_child_name(name: str, content_hash: str, component: Component = PROXY) -> str:
    """Return the name of a child of the TenantProxy `name` that never changes: other content is another child."""
    return f"{child_name(name, component)}-{content_hash}"


def name_of_parent(child: str) -> str | None:
    """Return the name of the TenantProxy that a child of this name belongs to; None where it is no child's.

    No name is both a child's and a hashed child's, so that it is never that of two TenantProxies.
    """
    found = _CHILD.fullmatch(child)
    return found[1] if found else None


def name_of_hashed_parent(child: str) -> str | None:
    """Return the same for the name of a child that ends in the hash of its content."""
    found = _HASHED.fullmatch(child)
    return found[1] if found else None


def component_of(child: str) -> str:
    """Return the component of a child of this name; empty where it tells of none, as a Secret's."""
    found = _CHILD.fullmatch(child) or _HASHED.fullmatch(child)
    return found[2] if found else ""


def default_secret_name(name: str) -> str:
    """Return the name of the Secret of the TenantProxy `name`, where it names none itself."""
    return f"{name}-credentials"


_NAME_PROBLEM: Final = (
    "is not a usable name; start with a lower-case letter, continue with a-z, 0-9 and -, end in a letter or digit"
)
_SUBDOMAIN: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"

Name = Annotated[str, Text(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", problem=_NAME_PROBLEM, longest=LONGEST_NAME)]
Namespace = Annotated[
    str, Text(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", problem="is not a namespace's name", longest=63)
]
SecretName = Annotated[
    str,
    Text(
        pattern=rf"^{_SUBDOMAIN}$",
        problem="is not a Secret's name; use lower-case letters, digits, - and .",
        longest=253,
    ),
]
ObjectName = Annotated[
    str,
    Text(
        pattern=rf"^{_SUBDOMAIN}$",
        problem="is not an object's name; use lower-case letters, digits, - and .",
        longest=253,
    ),
]
Hostname = Annotated[
    str,
    Text(
        pattern=rf"^(\*\.)?{_SUBDOMAIN}$",
        problem="is not a host's name; write one such as orders.example.com or *.example.com, without port",
        longest=253,
    ),
]
