"""The model of `spec.route`: how clients outside the cluster reach the proxy."""

from pydantic import Field

from tenantproxy_operator.api.fields import Model, UniqueList
from tenantproxy_operator.api.names import Hostname, Namespace, ObjectName


class GatewayRef(Model):
    """A Gateway of the Gateway API."""

    name: ObjectName = Field(description="Name of the Gateway.")
    namespace: Namespace | None = Field(
        default=None,
        description="Namespace of the Gateway, whose listeners must allow routes from the TenantProxy's "
        "namespace. Defaults to the TenantProxy's own.",
    )


class Route(Model):
    """An HTTPRoute at a Gateway that several tenants share."""

    gateway_ref: GatewayRef = Field(description="The Gateway that the route is attached to.")
    hostnames: UniqueList[Hostname] = Field(
        min_length=1,
        max_length=16,
        description="Hosts that clients call, such as orders.example.com or *.example.com. Tenants may share "
        "them: only requests whose header Tenant-Id is spec.tenantId are matched. With access.cors they are this "
        "tenant's own, and any request is matched: browsers send no such header in their preflight.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
