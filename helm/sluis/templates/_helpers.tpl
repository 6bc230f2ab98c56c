{{/* The name of everything. 40 characters leave room for the pool's name. */}}
{{- define "sluis.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Labels that never change. */}}
{{- define "sluis.selector" -}}
app.kubernetes.io/name: sluis
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sluis.labels" -}}
{{ include "sluis.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The pools with the defaults under them, as YAML: name to values. */}}
{{- define "sluis.pools" -}}
{{- $found := dict -}}
{{- range $name, $own := .Values.pools -}}
{{- if $own -}}
{{- $_ := set $found $name (mergeOverwrite (deepCopy $.Values.defaults) $own) -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{- define "sluis.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The secret whose keys become variables; empty where there is none. */}}
{{- define "sluis.secret" -}}
{{- if .Values.secrets.existing -}}
{{- .Values.secrets.existing -}}
{{- else if .Values.secrets.external.enabled -}}
{{- include "sluis.name" . }}-secrets
{{- end -}}
{{- end -}}

{{/* The service account of a pool: dict "root" "name" "pool". */}}
{{- define "sluis.account" -}}
{{- default (printf "%s-%s" (include "sluis.name" .root) .name) .pool.serviceAccount.name -}}
{{- end -}}

{{/* Settings that all pools share. */}}
{{- define "sluis.settings" -}}
SLUIS_ENGINE: external
SLUIS_PROJECT: /project
SLUIS_DATA: /data
SLUIS_GRPC_ADDRESS: {{ .Values.engine.grpcAddress }}
SLUIS_GRPC_TLS: {{ .Values.engine.grpcTls | quote }}
SLUIS_REST_ADDRESS: {{ .Values.engine.restAddress }}
{{- with .Values.engine.restUser }}
SLUIS_REST_USER: {{ . }}
{{- end }}
{{- if .Values.engine.oauth.tokenUrl }}
SLUIS_OAUTH_TOKEN_URL: {{ .Values.engine.oauth.tokenUrl }}
SLUIS_OAUTH_CLIENT_ID: {{ .Values.engine.oauth.clientId }}
SLUIS_OAUTH_AUDIENCE: {{ .Values.engine.oauth.audience | quote }}
{{- with .Values.engine.oauth.scope }}
SLUIS_OAUTH_SCOPE: {{ . }}
{{- end }}
{{- end }}
{{- if .Values.engine.tls.caSecret }}
SLUIS_TLS_CA: /etc/sluis/ca/ca.crt
{{- end }}
{{- if .Values.engine.tls.clientSecret }}
SLUIS_TLS_CERTIFICATE: /etc/sluis/client/tls.crt
SLUIS_TLS_KEY: /etc/sluis/client/tls.key
{{- end }}
{{- with .Values.store.address }}
SLUIS_STORE: {{ . }}
{{- end }}
{{- with .Values.store.kmsKey }}
SLUIS_STORE_KMS_KEY: {{ . }}
{{- end }}
SLUIS_STORE_LOCK_DAYS: {{ .Values.store.lockDays | quote }}
{{- with .Values.aws.region }}
AWS_REGION: {{ . }}
{{- end }}
SLUIS_WEB_ADDRESS: 0.0.0.0
SLUIS_WEB_PORT: "8090"
{{- with .Values.web.url }}
SLUIS_WEB_URL: {{ . }}
{{- end }}
{{- if .Values.web.oidc.issuer }}
SLUIS_OIDC_ISSUER: {{ .Values.web.oidc.issuer }}
SLUIS_OIDC_CLIENT_ID: {{ .Values.web.oidc.clientId }}
{{- end }}
SLUIS_LOG_FORMAT: json
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- define "sluis.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "sluis.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "sluis.envFrom" -}}
- configMapRef:
    name: {{ include "sluis.name" . }}
{{- with include "sluis.secret" . }}
- secretRef:
    name: {{ . }}
{{- end }}
{{- end -}}

{{- define "sluis.mounts" -}}
- name: data
  mountPath: /data
- name: tmp
  mountPath: /tmp
- name: memory
  mountPath: /dev/shm
{{- if .Values.environments }}
- name: environments
  mountPath: /project/environments
  readOnly: true
{{- end }}
{{- if .Values.engine.tls.caSecret }}
- name: ca
  mountPath: /etc/sluis/ca
  readOnly: true
{{- end }}
{{- if .Values.engine.tls.clientSecret }}
- name: client
  mountPath: /etc/sluis/client
  readOnly: true
{{- end }}
{{- end -}}

{{/* Volumes: dict "root" "size". */}}
{{- define "sluis.volumes" -}}
- name: data
  emptyDir:
    sizeLimit: {{ .size }}
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
- name: memory
  emptyDir:
    # Workspaces with inputs that are secrets: memory, never a disk. A container's own /dev/shm is too small.
    medium: Memory
    sizeLimit: 256Mi
{{- if .root.Values.environments }}
- name: environments
  configMap:
    name: {{ include "sluis.name" .root }}-environments
{{- end }}
{{- with .root.Values.engine.tls.caSecret }}
- name: ca
  secret:
    secretName: {{ . }}
{{- end }}
{{- with .root.Values.engine.tls.clientSecret }}
- name: client
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- end -}}
