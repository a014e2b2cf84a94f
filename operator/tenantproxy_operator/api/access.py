"""The model of `spec.access`: who may call the proxy."""

from typing import Annotated, Literal

from pydantic import Field

from tenantproxy_operator.api.fields import EMPTY, Model, Text, UniqueList

AdminText = Annotated[str, Text(pattern=r"^\S+$", problem="is empty or has white space; remove it", longest=254)]
Origin = Annotated[
    str,
    Text(
        pattern=r"^https?://([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[1-9][0-9]{0,4})?$",
        problem="is not an origin as browsers send it; write https://HOST or https://HOST:PORT, in lower case",
        longest=260,
    ),
]


class Cors(Model):
    """Which web pages may call the reads from a browser."""

    allowed_origins: UniqueList[Origin] = Field(
        min_length=1,
        max_length=32,
        description="Origins of the pages, such as https://shop.example.com, as browsers send them.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Admins(Model):
    """Which users of the tenant may set the credential. Nobody if all are empty."""

    emails: UniqueList[AdminText] = Field(
        default_factory=list,
        max_length=100,
        description="Verified email addresses, such as hiiretail@acme.example.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    groups: UniqueList[AdminText] = Field(
        default_factory=list,
        max_length=100,
        description="Ids of user groups.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    roles: UniqueList[AdminText] = Field(
        default_factory=list,
        max_length=100,
        description="Roles, as listed in federated.roles of the user's token.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Access(Model):
    """Who may call the proxy."""

    mode: Literal["jwt", "trusted"] = Field(
        default="jwt",
        description="jwt: each request needs a Hii Retail token of this tenant. trusted: an edge in front has "
        "already authenticated reads. Setting the credential needs an admin's token in both modes.",
    )
    admins: Admins = Field(
        default_factory=Admins,
        description="Which users may set the credential. Nobody by default.",
        json_schema_extra=EMPTY,
    )
    cors: Cors | None = Field(
        default=None,
        description="Which web pages may call the reads from a browser. None by default: then OPTIONS is 405. "
        "With spec.route the hosts must be this tenant's own.",
    )
