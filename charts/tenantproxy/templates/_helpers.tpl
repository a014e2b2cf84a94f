{{/* The name of all objects. */}}
{{- define "tenantproxy.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-operator" (.Release.Name | trimSuffix "-operator" | trunc 54 | trimSuffix "-") -}}
{{- end -}}
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

{{- define "tenantproxy.selectorLabels" -}}
app.kubernetes.io/name: tenantproxy-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Managed by Helm: with tenantproxy-operator there, the operator would treat an object as a tenant's. */}}
{{- define "tenantproxy.labels" -}}
{{ include "tenantproxy.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "tenantproxy.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
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
{{- dict "names" (.Values.watch.namespaces | default (list .Release.Namespace) | uniq | sortAlpha) | toJson -}}
{{- end -}}
{{- end -}}
