{{/* Names and labels that several templates share. */}}

{{- define "allynet.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "allynet.selector" -}}
app.kubernetes.io/name: allynet
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "allynet.labels" -}}
{{ include "allynet.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "allynet.secret" -}}
{{- .Values.secrets.existing | default (include "allynet.name" .) -}}
{{- end -}}
