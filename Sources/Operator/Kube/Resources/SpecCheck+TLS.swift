// SPDX-License-Identifier: Apache-2.0

extension ClusterTLS {
    func check(against old: ClusterTLS?, _ check: inout RuleCheck) {
        check.require(
            mode != .secret || (client != nil && peer != nil),
            "mode Secret needs client.secretName and peer.secretName", of: Self.self)
        check.require(
            mode == .secret || (client == nil && peer == nil),
            "client and peer can only be set in mode Secret", of: Self.self)
        check.require(
            mode != .certManager || certManager != nil,
            "mode CertManager needs certManager", of: Self.self)
        check.require(
            mode == .certManager || certManager == nil,
            "certManager can only be set in mode CertManager", of: Self.self)
        check.require(
            mode == .auto || auto == nil, "auto can only be set in mode Auto", of: Self.self)
        if let old { check.require(mode == old.mode, "mode is immutable", of: Self.self) }
        if let auto { check.below("auto") { auto.check(&$0) } }
        if let certManager { check.below("certManager") { certManager.check(&$0) } }
    }
}

extension ClusterTLS.Auto {
    fileprivate func check(_ check: inout RuleCheck) {
        check.require(
            certValidity >= .seconds(600), "certValidity must be at least 10m", of: Self.self)
        check.require(
            renewBefore >= .seconds(60) && renewBefore < certValidity,
            "renewBefore must be at least 1m and shorter than certValidity", of: Self.self)
        check.require(
            caValidity <= .seconds(3650 * 86_400) && caValidity >= certValidity * 3,
            "caValidity must be at least three times certValidity and at most 87600h",
            of: Self.self)
        check.require(
            overlap.map { $0 >= .seconds(10) && $0 * 2 <= renewBefore } ?? true,
            "overlap must be at least 10s and at most half of renewBefore", of: Self.self)
    }
}

extension ClusterTLS.CertManager {
    fileprivate func check(_ check: inout RuleCheck) {
        check.require(
            certValidity >= .seconds(3600), "certValidity must be at least 1h", of: Self.self)
        check.require(
            renewBefore >= .seconds(300) && renewBefore < certValidity,
            "renewBefore must be at least 5m and shorter than certValidity", of: Self.self)
    }
}
