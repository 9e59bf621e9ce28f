{{- define "heald.name" -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "heald.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "heald.name" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{- define "heald.tokenSecret" -}}
{{- .Values.token.existingSecret | default (printf "%s-token" (include "heald.name" .)) -}}
{{- end }}

{{- define "heald.selector" -}}
app.kubernetes.io/name: heald
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "heald.labels" -}}
{{ include "heald.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "heald.pipeline" -}}
{{- .Values.pipeline | default (.Files.Get "files/pipeline.yaml") -}}
{{- end }}
