{{- define "cluster.name" -}}
{{ .Values.name | default .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "cluster.labels" -}}
app.kubernetes.io/name: keelson
app.kubernetes.io/instance: {{ include "cluster.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "cluster.isTLS" -}}
{{- $tls := .Values.spec.tls | default dict -}}
{{- if ne ($tls.mode | default "Auto") "Disabled" }}true{{ end -}}
{{- end }}

{{- define "cluster.tlsSecret" -}}
{{ .Values.plainCronJob.tlsSecret | default (printf "%s-client-tls" (include "cluster.name" .)) }}
{{- end }}

{{- define "cluster.endpoints" -}}
{{- if .Values.plainCronJob.endpoints -}}
{{ .Values.plainCronJob.endpoints }}
{{- else -}}
{{ ternary "https" "http" (eq (include "cluster.isTLS" .) "true") }}://{{ include "cluster.name" . }}.{{ .Release.Namespace }}.svc:2379
{{- end -}}
{{- end }}

{{- define "cluster.backupClaim" -}}
{{ .Values.plainCronJob.pvc.existingClaim | default (printf "%s-plain-backups" (include "cluster.name" .)) }}
{{- end }}
