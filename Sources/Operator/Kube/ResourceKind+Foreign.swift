// SPDX-License-Identifier: Apache-2.0

/// Kinds of others that we write where a server has them.
extension ResourceKind {
    package static let serviceMonitor = ResourceKind(
        group: "monitoring.coreos.com", version: "v1", kind: "ServiceMonitor",
        plural: "servicemonitors", shortNames: ["smon"])
    package static let prometheusRule = ResourceKind(
        group: "monitoring.coreos.com", version: "v1", kind: "PrometheusRule",
        plural: "prometheusrules", shortNames: ["promrule"])

    /// Of cert-manager, where it is installed.
    package static let certificate = ResourceKind(
        group: "cert-manager.io", version: "v1", kind: "Certificate", plural: "certificates",
        shortNames: ["cert", "certs"], categories: ["cert-manager"], subresources: ["status"])

    package static let foreign: [ResourceKind] = [.serviceMonitor, .prometheusRule, .certificate]
}
