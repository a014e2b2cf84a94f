{{/*
What a TenantProxy may not have in this installation, as CEL. Texts from values get into expressions as JSON, which CEL
reads as its own; messages are those of the operator's status.
*/}}

{{- define "tenantproxy.admissionVariables" -}}
# The schema has checked it already.
- name: host
  expression: "isURL(object.spec.upstream.url) ? url(object.spec.upstream.url).getHostname().lowerAscii() : ''"
{{- with .Values.admissionPolicies.tenantIds }}
- name: owners
  expression: {{ toJson . | toJson }}
{{- end }}
{{- with .Values.admissionPolicies.allowedHosts }}
- name: namespaces
  expression: {{ toJson . | toJson }}
- name: hosts
  expression: >-
    variables.namespaces[?namespaceObject.metadata.name].or(variables.namespaces[?'*']).orValue(['*'])
- name: forwardProxy
  expression: >-
    object.spec.upstream.?forwardProxy.?url.optMap(it, isURL(it) ? url(it).getHostname().lowerAscii() : '')
- name: eventsHost
  expression: >-
    object.spec.?poslog.?delivery.?url.optMap(it, isURL(it) ? url(it).getHostname().lowerAscii() : '')
- name: keysHost
  expression: >-
    object.spec.?poslog.?verification.?idToken.?jwksUri.optMap(it, isURL(it) ? url(it).getHostname().lowerAscii() : '')
{{- end }}
{{- if include "tenantproxy.hasAddresses" . }}
# The address that the URL has in place of a name; empty: it has a name.
- name: address
  expression: "isIP(variables.host) ? variables.host : variables.host.matches('(^|[.])localhost[.]?$') ? '127.0.0.1' : ''"
- name: allowed
  expression: {{ include "tenantproxy.among" .Values.proxies.egress.allow | toJson }}
{{- end }}
{{- end -}}

{{/* CEL knows addresses since Kubernetes 1.30, and takes them in new expressions since 1.31. */}}
{{- define "tenantproxy.hasAddresses" -}}
{{- if semverCompare ">=1.31-0" .Capabilities.KubeVersion.Version -}}yes{{- end -}}
{{- end -}}

{{/* Whether the address is in one of a list of networks. */}}
{{- define "tenantproxy.among" -}}
{{ toJson . }}.exists(network, cidr(network).containsIP(variables.address))
{{- end -}}

{{/* Whether a host is one of the permitted ones. */}}
{{- define "tenantproxy.isPermitted" -}}
variables.hosts.exists(host, host == '*' || (host.startsWith('*.') ? {{ . }}.endsWith(host.substring(1)) : {{ . }} == host))
{{- end -}}

{{- define "tenantproxy.admissionRules" -}}
{{- $root := . -}}
{{- if not .Values.proxies.httpRoutes }}
- expression: "!has(object.spec.route)"
  message: >-
    spec.route needs HTTPRoutes (gateway.networking.k8s.io/v1); install the Gateway API and run the operator with
    --http-routes, or remove spec.route
- expression: "!object.spec.?poslog.?route.hasValue() || !object.spec.?poslog.?enabled.orValue(true)"
  message: >-
    spec.poslog.route needs HTTPRoutes (gateway.networking.k8s.io/v1); install the Gateway API and run the operator with
    --http-routes, or remove spec.poslog.route
{{- end }}
{{- with .Values.proxies.podMetadataPrefixes }}
{{- $permitted := printf "`, which the platform does not permit; use one that begins with `%s`, or remove it" (join "` or `" .) }}
{{- range $field := list "labels" "annotations" }}
{{- $unknown := printf "object.spec.podTemplate.%s.filter(key, !%s.exists(prefix, key.startsWith(prefix)))" $field (toJson $root.Values.proxies.podMetadataPrefixes) }}
- expression: {{ printf "!has(object.spec.podTemplate) || !has(object.spec.podTemplate.%s) || %s == []" $field $unknown | toJson }}
  messageExpression: {{ printf "'spec.podTemplate.%s has the key `' + %s[0] + %s" $field $unknown (toJson $permitted) | toJson }}
{{- end }}
{{- end }}
{{- if .Values.admissionPolicies.tenantIds }}
- expression: >-
    !(object.spec.tenantId in variables.owners)
    || variables.owners[object.spec.tenantId] == namespaceObject.metadata.name + '/' + object.metadata.name
  messageExpression: >-
    'spec.tenantId is that of the TenantProxy ' + variables.owners[object.spec.tenantId]
    + '; use another id, or that namespace and name'
{{- end }}
{{ include "tenantproxy.constantRules" . }}
{{- if include "tenantproxy.hasAddresses" . }}
{{- with .Values.proxies.egress.deny }}
- expression: {{ include "tenantproxy.among" . | printf "variables.address == '' || !%s" | toJson }}
  message: spec.upstream.url names a host that is on the operator's deny list
{{- end }}
{{- $networks := include "tenantproxy.networks" . | fromJson }}
{{- range $what, $each := $networks.never }}
- expression: {{ include "tenantproxy.among" $each | printf "variables.address == '' || variables.allowed || !%s" | toJson }}
  message: spec.upstream.url names a host that is {{ $what }}
{{- end }}
{{- range $what, $each := $networks.private }}
- expression: {{ include "tenantproxy.among" $each | printf "variables.address == '' || variables.allowed || object.spec.upstream.allowPrivateNetworks || !%s" | toJson }}
  message: "spec.upstream.url names a host that is {{ $what }}; `allowPrivateNetworks: true` permits it"
{{- end }}
{{- end }}
{{- if .Values.admissionPolicies.allowedHosts }}
- expression: {{ include "tenantproxy.isPermitted" "variables.host" | toJson }}
  messageExpression: >-
    'spec.upstream.url names a host that the platform does not permit in this namespace; use one of '
    + variables.hosts.join(', ')
- expression: >-
    variables.forwardProxy.optMap(via,
    {{ include "tenantproxy.isPermitted" "via" }}).orValue(true)
  messageExpression: >-
    'spec.upstream.forwardProxy.url names a host that the platform does not permit in this namespace; use one of '
    + variables.hosts.join(', ')
{{- range $variable, $field := dict "eventsHost" "delivery.url" "keysHost" "verification.idToken.jwksUri" }}
- expression: >-
    variables.{{ $variable }}.optMap(there,
    {{ include "tenantproxy.isPermitted" "there" }}).orValue(true)
  messageExpression: >-
    'spec.poslog.{{ $field }} names a host that the platform does not permit in this namespace; use one of '
    + variables.hosts.join(', ')
{{- end }}
- expression: >-
    object.spec.?auth.?tokenEndpoint.?allowHosts.orValue([]).all(allowed,
    {{ include "tenantproxy.isPermitted" "allowed.lowerAscii().split(':')[0]" }})
  messageExpression: >-
    'spec.auth.tokenEndpoint.allowHosts names a host that the platform does not permit in this namespace; use one of '
    + variables.hosts.join(', ')
{{- end }}
{{- end -}}
