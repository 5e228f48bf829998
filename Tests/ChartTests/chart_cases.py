# SPDX-License-Identifier: Apache-2.0
"""Values the charts are rendered with; each case has a golden file."""
from chart_renderer import load_yaml

EVERYTHING = load_yaml("""
global: {imageRegistry: mirror.example}
crds: {install: false}
nodeImage: {tag: 0.2.0}
image: {digest: "sha256:0123"}
imagePullSecrets: [{name: pull}]
replicaCount: 1
watchNamespaces: [blue, green]
serviceAccount: {annotations: {a: b}}
nodeSelector: {disk: ssd}
tolerations: [{key: k, operator: Exists}]
affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]
priorityClassName: system-cluster-critical
podAnnotations: {note: "true"}
podLabels: {team: blue}
metrics: {serviceMonitor: {enabled: true, labels: {release: prometheus}}}
prometheusRule: {enabled: true, labels: {release: prometheus}}
grafana: {dashboards: {enabled: true}}
networkPolicy: {enabled: true}
extraArgs: [--feature-gates=x]
extraEnv: [{name: TZ, value: UTC}]
extraVolumes: [{name: tmp, emptyDir: {}}]
extraVolumeMounts: [{name: tmp, mountPath: /tmp}]
extraObjects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: more}}]
commonLabels: {team: blue}
commonAnnotations: {owner: me}
""")
CLUSTER = load_yaml("""
name: shop
spec:
  replicas: 5
  tls: {mode: Disabled}
  options: {quotaBackendBytes: 4Gi}
  monitoring: {serviceMonitor: Enabled, labels: {release: prometheus}}
backupSchedules:
- name: nightly
  schedule: 0 3 * * *
  backupTemplate: {destination: {volume: {size: 20Gi}}, verify: Full}
  retention: {keepLast: 3}
plainCronJob: {enabled: true, pvc: {existingClaim: mine}, keep: {monthly: 2}}
networkPolicy: {enabled: true, clients: [{namespaceSelector: {matchLabels: {team: blue}}}]}
annotations: {a: b}
labels: {team: blue}
extraObjects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: more}}]
""")
# name: chart, values, release, namespace, version of Kubernetes
CASES = {
    "operator-default": ("keelson-operator", {}, "keelson-operator", "keelson-system", "v1.32.0"),
    "operator-1.20": ("keelson-operator", {"crds": {"install": False}}, "keelson-operator",
                      "keelson-system", "v1.20.15"),
    "operator-everything": ("keelson-operator", EVERYTHING, "prod", "tools", "v1.29.3+k3s1"),
    "operator-bare": ("keelson-operator", {
        "crds": {"keep": False, "rules": False}, "rbac": {"create": False, "aggregateRoles": False},
        "serviceAccount": {"create": False, "name": "mine"}, "podDisruptionBudget": {"enabled": False},
        "metrics": {"service": {"enabled": False}}, "nodeImage": {"registry": "r", "repository": "n"},
    }, "k", "tools", "v1.32.0"),
    "cluster-default": ("keelson-cluster", {}, "demo", "default", "v1.32.0"),
    "cluster-everything": ("keelson-cluster", CLUSTER, "demo", "shop", "v1.32.0"),
    "cluster-1.20": ("keelson-cluster", {"plainCronJob": {"enabled": True}}, "demo", "default",
                     "v1.20.15"),
}
