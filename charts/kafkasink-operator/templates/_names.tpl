{{- /* The name of every object of the release: the release's own, with the chart's where that does not say it. */ -}}
{{- define "kafkasink.name" -}}
{{- if contains "kafkasink" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-kafkasink" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "kafkasink.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "kafkasink.name" .) -}}
{{- end -}}

{{- define "kafkasink.selector" -}}
app.kubernetes.io/name: kafkasink-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kafkasink.labels" -}}
{{ include "kafkasink.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* An image of the values as one text; takes a list of the image and the chart's version. */ -}}
{{- define "kafkasink.image" -}}
{{- $image := index . 0 -}}
{{- $version := index . 1 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default $version) -}}
{{- end -}}
{{- end -}}
