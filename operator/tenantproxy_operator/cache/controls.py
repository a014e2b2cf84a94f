"""The autoscalers and disruption budgets of others: who else acts on tenants' proxies."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from tenantproxy_operator.api.labels import labels
from tenantproxy_operator.api.names import PROXY, component_of, name_of_parent
from tenantproxy_operator.cache.tenants import Tenant
from tenantproxy_operator.kube import kinds
from tenantproxy_operator.kube.kinds import Key, Kind
from tenantproxy_operator.kube.workloads import Control, LabelSelector, OtherControls

KINDS: Final = (kinds.AUTOSCALER, kinds.DISRUPTION_BUDGET)


class Controls:
    """All autoscalers and disruption budgets that are not ours, as far as they may act on proxies."""

    def __init__(self, changed: Callable[[Key], None], changed_in: Callable[[str], None]) -> None:
        """Begin; a change is told of the tenant that it is about, or of a namespace."""
        self._changed = changed
        self._changed_in = changed_in
        self._targets: dict[Key, Key] = {}
        """The tenant whose Deployment an autoscaler scales."""
        self._autoscalers: defaultdict[Key, set[str]] = defaultdict(set)
        """The same by tenant."""
        self._budgets: defaultdict[str, dict[str, LabelSelector]] = defaultdict(dict)
        """By namespace and name."""

    def of(self, tenant: Tenant) -> OtherControls:
        """Return those that act on a tenant's proxies."""
        key = tenant.key
        budgets = self._budgets.get(key.namespace, {})
        own = _pod_labels(tenant) if budgets else {}
        return OtherControls(
            tuple(sorted(self._autoscalers.get(key, ()))),
            tuple(sorted(name for name, selector in budgets.items() if selector.matches(own))),
        )

    def every(self, kind: Kind, namespace: str | None) -> dict[Key, object]:
        """Return all that are known of a kind, in one namespace or all."""
        if kind is kinds.AUTOSCALER:
            return {key: target for key, target in self._targets.items() if namespace in (None, key.namespace)}
        return {
            Key(where, name): selector
            for where, budgets in self._budgets.items()
            if namespace in (None, where)
            for name, selector in budgets.items()
        }

    def put(self, kind: Kind, control: Control) -> None:
        """Take note of one that is not ours, new or changed."""
        key = control.metadata.key
        if kind is kinds.AUTOSCALER:
            parent = name_of_parent(control.scales) if component_of(control.scales) == PROXY else None
            self._set_target(key, Key(key.namespace, parent) if parent else None)
        else:
            self._set_selector(key, control.spec.selector)

    def drop(self, kind: Kind, key: Key) -> None:
        """Forget one, if it is known."""
        if kind is kinds.AUTOSCALER:
            self._set_target(key, None)
        else:
            self._set_selector(key, None)

    def _set_target(self, key: Key, tenant: Key | None) -> None:
        before = self._targets.get(key)
        if before == tenant:
            return  # most of its events are about its status
        if before is not None:
            del self._targets[key]
            self._autoscalers[before].discard(key.name)
            if not self._autoscalers[before]:
                del self._autoscalers[before]
            self._changed(before)
        if tenant is not None:
            self._targets[key] = tenant
            self._autoscalers[tenant].add(key.name)
            self._changed(tenant)

    def _set_selector(self, key: Key, selector: LabelSelector | None) -> None:
        budgets = self._budgets[key.namespace]
        if budgets.get(key.name) != selector:
            if selector is None:
                del budgets[key.name]
            else:
                budgets[key.name] = selector
            self._changed_in(key.namespace)
        if not budgets:
            del self._budgets[key.namespace]


class _PodTemplate(msgspec.Struct):
    labels: dict[str, str] = {}


class _Spec(msgspec.Struct, rename="camel"):
    pod_template: _PodTemplate = msgspec.field(default_factory=_PodTemplate)


_spec: Final = msgspec.json.Decoder(_Spec)


def _pod_labels(tenant: Tenant) -> Mapping[str, str]:
    """Return the labels of a tenant's pods."""
    try:
        own = _spec.decode(tenant.spec).pod_template.labels
    except msgspec.ValidationError:  # the spec is not valid
        own = {}
    return own | labels(tenant.key.name, component=PROXY)
