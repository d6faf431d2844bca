{{- /* What the operator may do where it watches, and no more: no wildcard, no write to Secrets, no access to pods' inside. */ -}}
{{- define "kafkasink.rules" -}}
# The resource itself; patch is for finalizers.
- apiGroups: [kafkasink.dev]
  resources: [kafkasinks]
  verbs: [get, list, watch, patch]
- apiGroups: [kafkasink.dev]
  resources: [kafkasinks/status]
  verbs: [patch]
# Needed to be the blocking owner of children, where the cluster enforces it.
- apiGroups: [kafkasink.dev]
  resources: [kafkasinks/finalizers]
  verbs: [update]
# The children of a sink. Kubernetes deletes them with it; the operator itself only ends pods, and drops old configurations.
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch]
# Why pods are not ready, and how far they are.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# Credentials and authorities that a resource refers to by name; of all others only names are looked at, to see changes.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
