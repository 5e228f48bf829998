{{- define "keelson.name" -}}
keelson-operator
{{- end }}

{{- define "keelson.fullname" -}}
{{- if eq .Release.Name "keelson-operator" -}}
keelson-operator
{{- else -}}
{{ printf "%s-keelson-operator" .Release.Name | trunc 52 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "keelson.labels" -}}
app.kubernetes.io/name: {{ include "keelson.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "keelson.selector" -}}
app.kubernetes.io/name: {{ include "keelson.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "keelson.metadata" -}}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "keelson.labels" . | nindent 2 }}
{{- with .Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "keelson.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "keelson.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- /* The image of the operator. */ -}}
{{- define "keelson.image" -}}
{{- $registry := .Values.image.registry | default .Values.global.imageRegistry -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* The image of members; what nodeImage does not say is as for the operator. */ -}}
{{- define "keelson.nodeImage" -}}
{{- $registry := .Values.nodeImage.registry | default .Values.image.registry | default .Values.global.imageRegistry -}}
{{- $digest := .Values.nodeImage.digest -}}
{{- if not (or .Values.nodeImage.repository .Values.nodeImage.tag $digest) }}{{ $digest = .Values.image.digest }}{{ end -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .Values.nodeImage.repository | default .Values.image.repository }}
{{- if $digest }}@{{ $digest }}{{ else }}:{{ .Values.nodeImage.tag | default .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* What the operator may do in a namespace it looks after. */ -}}
{{- define "keelson.rules" -}}
- apiGroups: [keelson.dev]
  resources: [etcdclusters, etcdrestores]
  verbs: [get, list, watch, update, patch]
- apiGroups: [keelson.dev]
  resources: [etcdbackups, etcdbackupschedules]
  verbs: [get, list, watch, create, update, patch, delete]
# An EtcdRestore makes a cluster.
- apiGroups: [keelson.dev]
  resources: [etcdclusters]
  verbs: [create]
- apiGroups: [keelson.dev]
  resources: [etcdclusters/status, etcdbackups/status, etcdbackupschedules/status, etcdrestores/status]
  verbs: [get, update, patch]
- apiGroups: [keelson.dev]
  resources: [etcdclusters/finalizers, etcdbackups/finalizers, etcdbackupschedules/finalizers, etcdrestores/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, update, patch, delete]
# Pods are made by the StatefulSet, never by the operator.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, configmaps, serviceaccounts]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: [batch]
  resources: [jobs, cronjobs]
  verbs: [get, list, watch, create, update, patch, delete]
# Of the Prometheus operator, where it is installed.
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors, prometheusrules]
  verbs: [get, list, watch, create, update, patch, delete]
- apiGroups: ["", events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Of clusters with tls.mode CertManager.
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, watch, create, update, patch]
{{- end }}

{{- /* What belongs to no namespace. Without it the operator reports that it cannot tell a lost node. */ -}}
{{- define "keelson.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes, persistentvolumes]
  verbs: [get, list, watch]
- apiGroups: [storage.k8s.io]
  resources: [storageclasses]
  verbs: [get, list, watch]
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: [etcdclusters.keelson.dev, etcdbackups.keelson.dev, etcdbackupschedules.keelson.dev, etcdrestores.keelson.dev]
  verbs: [get]
{{- end }}
