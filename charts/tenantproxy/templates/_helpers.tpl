{{/*
The name of the operator's objects: 51 characters at most, so that a suffix fits. With nameOverride it is `RELEASE-NAME`,
or the release's name if that contains it, as is usual in charts.
*/}}
{{- define "tenantproxy.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if not .Values.nameOverride -}}
{{- printf "%s-operator" (.Release.Name | replace "." "-" | trimSuffix "-operator" | trunc 42 | trimSuffix "-") -}}
{{- else if contains .Values.nameOverride .Release.Name -}}
{{- .Release.Name | replace "." "-" | trunc 51 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Values.nameOverride | replace "." "-" | trunc 51 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What the objects' names in the whole cluster begin with: releases of one name may be in several namespaces. */}}
{{- define "tenantproxy.clusterName" -}}
{{- printf "%s-%s" (include "tenantproxy.namespace" .) (include "tenantproxy.name" .) -}}
{{- end -}}

{{- define "tenantproxy.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "tenantproxy.serviceAccountName" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "tenantproxy.name" . -}}
{{- else -}}
{{- fail "serviceAccount.name: say which ServiceAccount the operator has, because serviceAccount.create is false" -}}
{{- end -}}
{{- end -}}

{{- define "tenantproxy.instanceLabels" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default "tenantproxy-operator" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tenantproxy.selectorLabels" -}}
{{ include "tenantproxy.instanceLabels" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Those of the pod of `helm test`, which is no pod of the operator's. */}}
{{- define "tenantproxy.testLabels" -}}
{{ include "tenantproxy.instanceLabels" . }}
app.kubernetes.io/component: test
{{- end -}}

{{- define "tenantproxy.labels" -}}
{{ include "tenantproxy.labelsWith" (dict "root" . "labels" dict) }}
{{- end -}}

{{/* An object's labels with additional ones, which win over those for all objects. */}}
{{- define "tenantproxy.labelsWith" -}}
{{ include "tenantproxy.selectorLabels" .root }}
{{ include "tenantproxy.chartLabels" .root }}
{{- with merge (dict) .labels .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Managed by Helm: with tenantproxy-operator there, the operator would treat an object as a tenant's. */}}
{{- define "tenantproxy.chartLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* Refuse labels that are the chart's own: an object can't have a label twice. */}}
{{- define "tenantproxy.checkLabels" -}}
{{- $own := printf "%s\n%s" (include "tenantproxy.selectorLabels" .) (include "tenantproxy.chartLabels" .) | fromYaml -}}
{{- $values := dict
  "commonLabels" .Values.commonLabels
  "podLabels" .Values.podLabels
  "serviceAccount.extraLabels" .Values.serviceAccount.extraLabels
  "podMonitor.labels" .Values.podMonitor.labels
  "serviceMonitor.labels" .Values.serviceMonitor.labels
  "grafanaDashboard.labels" .Values.grafanaDashboard.labels
  "prometheusRule.labels" .Values.prometheusRule.labels -}}
{{- range $value, $labels := $values -}}
{{- range $label, $_ := $labels -}}
{{- if hasKey $own $label -}}
{{- fail (printf "%s: %s is a label that the chart sets itself; remove it" $value $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A network of IPv4 or IPv6. A schema would show the pattern, which helps nobody. */}}
{{- define "tenantproxy.cidrPattern" -}}
^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}/(3[0-2]|[12]?[0-9])|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$
{{- end -}}

{{/* Whether an IPv4 network's address has bits beyond its length, which the operator would refuse at its start. */}}
{{- define "tenantproxy.hostBits" -}}
{{- $parts := splitList "/" . -}}
{{- $size := 1 -}}
{{- range until (int (sub 32 (int (last $parts)))) -}}
{{- $size = mul $size 2 -}}
{{- end -}}
{{- $address := 0 -}}
{{- range splitList "." (first $parts) -}}
{{- $address = add (mul $address 256) (int .) -}}
{{- end -}}
{{- if mod $address $size -}}true{{- end -}}
{{- end -}}

{{/* Refuse what excludes each other, or what the schema can't say, or not in words. */}}
{{- define "tenantproxy.checkValues" -}}
{{- with .Values.leaderElection -}}
{{- if le (float64 .leaseDuration) (float64 .renewDeadline) -}}
{{- fail (printf "leaderElection.leaseDuration (%v) must be greater than leaderElection.renewDeadline (%v)" .leaseDuration .renewDeadline) -}}
{{- end -}}
{{- if le (float64 .renewDeadline) (mulf .retryPeriod 1.2) -}}
{{- fail (printf "leaderElection.renewDeadline (%v) must be greater than 1.2 times leaderElection.retryPeriod (%v)" .renewDeadline .retryPeriod) -}}
{{- end -}}
{{- end -}}
{{- if and (has "Deny" .Values.admissionPolicies.validationActions) (has "Warn" .Values.admissionPolicies.validationActions) -}}
{{- fail "admissionPolicies.validationActions: Deny and Warn exclude each other; remove one" -}}
{{- end -}}
{{- $networks := dict
  "apiServerCIDRs" .Values.apiServerCIDRs
  "proxies.egress.allow" .Values.proxies.egress.allow
  "proxies.egress.deny" .Values.proxies.egress.deny -}}
{{- range $value, $list := $networks -}}
{{- range $index, $network := $list -}}
{{- if not (regexMatch (include "tenantproxy.cidrPattern" $) $network) -}}
{{- fail (printf "%s[%d]: %s is not a network; write a CIDR, such as 10.1.0.0/16 or fd00::/8" $value $index $network) -}}
{{- else if and (not (contains ":" $network)) (include "tenantproxy.hostBits" $network) -}}
{{- fail (printf "%s[%d]: %s has host bits set; write the network's own address, such as 10.1.0.0/16" $value $index $network) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraVolumes -}}
{{- if eq .name "issuers" -}}
{{- fail "extraVolumes: issuers is a volume that the chart sets itself; give yours another name" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* An image of its parts: [REGISTRY/]REPOSITORY@DIGEST, or without a digest REPOSITORY:TAG. */}}
{{- define "tenantproxy.imageOf" -}}
{{- $repository := .repository -}}
{{- with .registry -}}
{{- $repository = printf "%s/%s" . $repository -}}
{{- end -}}
{{- ternary (printf "%s@%s" $repository .digest) (printf "%s:%s" $repository .tag) (ne .digest "") -}}
{{- end -}}

{{- define "tenantproxy.image" -}}
{{- $image := .Values.image -}}
{{- dict "tag" ($image.tag | default .Chart.AppVersion) | merge (omit $image "tag") | include "tenantproxy.imageOf" -}}
{{- end -}}

{{/* What is not set of the proxies' image is that of the operator's; a tag of their own replaces its digest, too. */}}
{{- define "tenantproxy.proxyImage" -}}
{{- $operators := .Values.image -}}
{{- with .Values.proxies.image -}}
{{- dict "registry" (.registry | default $operators.registry)
  "repository" (.repository | default $operators.repository)
  "tag" (.tag | default $operators.tag | default $.Chart.AppVersion)
  "digest" (.digest | default (ternary "" $operators.digest (ne .tag "")))
  | include "tenantproxy.imageOf" -}}
{{- end -}}
{{- end -}}

{{/* The watched namespaces, as a JSON list under `names`; empty for all namespaces. */}}
{{- define "tenantproxy.namespaces" -}}
{{- if .Values.watch.allNamespaces -}}
{{- if .Values.watch.namespaces -}}
{{- fail "watch.namespaces and watch.allNamespaces exclude each other: empty the list, or set allNamespaces to false" -}}
{{- end -}}
{{- dict "names" list | toJson -}}
{{- else -}}
{{- dict "names" (.Values.watch.namespaces | default (list (include "tenantproxy.namespace" .)) | uniq | sortAlpha) | toJson -}}
{{- end -}}
{{- end -}}

{{/* A probe's settings, with the path that it asks for. */}}
{{- define "tenantproxy.probe" -}}
httpGet:
  path: {{ .path }}
  port: metrics
{{- with .settings.initialDelaySeconds }}
initialDelaySeconds: {{ . }}
{{- end }}
periodSeconds: {{ .settings.periodSeconds }}
timeoutSeconds: {{ .settings.timeoutSeconds }}
failureThreshold: {{ .settings.failureThreshold }}
{{- end -}}

{{/* The metadata of a PodMonitor or a ServiceMonitor. */}}
{{- define "tenantproxy.monitorMetadata" -}}
name: {{ include "tenantproxy.name" .root }}
namespace: {{ .monitor.namespace | default (include "tenantproxy.namespace" .root) }}
labels:
  {{- dict "root" .root "labels" .monitor.labels | include "tenantproxy.labelsWith" | nindent 2 }}
{{- with .monitor.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What both say of a target. */}}
{{- define "tenantproxy.monitorEndpoint" -}}
port: metrics
path: /metrics
{{- with .interval }}
interval: {{ . }}
{{- end }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- if .honorLabels }}
honorLabels: true
{{- end }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
A text with links to the runbooks, which lead to where `prometheusRule.runbookUrl` says. Without it those of a release
lead to its repository. A clone knows of none: there they name the pages in it, and the dashboard has no links.
*/}}
{{- define "tenantproxy.withRunbooks" -}}
{{- $text := .text }}
{{- $pages := "https://github.com/OWNER/tenantproxy/blob/main/docs/runbooks/" }}
{{- $url := .root.Values.prometheusRule.runbookUrl }}
{{- if $url }}
{{- $text = $text | replace $pages (printf "%s/" (trimSuffix "/" $url)) }}
{{- else if contains "/OWNER/" $pages }}
{{- $text = regexReplaceAllLiteral `"links": \[[^\]]*\]` $text `"links": []` | replace $pages "docs/runbooks/" }}
{{- end }}
{{- $text }}
{{- end }}
