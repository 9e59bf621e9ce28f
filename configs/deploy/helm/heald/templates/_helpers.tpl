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

{{- /* Those that come with the chart, and `packs` of the values: beside the pipeline as packs/NAME. */}}
{{- define "heald.packs" -}}
{{- range $path, $text := .Files.Glob "files/packs/*.yaml" }}
{{- if not (hasSuffix "_test.yaml" $path) }}
{{ base $path | quote }}: |
  {{- toString $text | nindent 2 }}
{{- end }}
{{- end }}
{{- range $name, $text := .Values.packs }}
{{ printf "%s.yaml" $name | quote }}: |
  {{- $text | nindent 2 }}
{{- end }}
{{- end }}

{{- define "heald.pipeline" -}}
{{- .Values.pipeline | default (.Files.Get "files/pipeline.yaml") -}}
{{- end }}
