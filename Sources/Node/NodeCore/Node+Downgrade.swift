// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Replicated

// Downgrades: the cluster notes that it goes down by one minor version, members are replaced by
// older ones, and the leader sets the lower version and ends the downgrade when all are there.
extension Node {
    /// Format and an undecided cluster version come before the read, everything else after it.
    func acceptDowngrade(
        _ call: Call, _ downgrade: DowngradeRequest, _ request: Request,
        _ outputs: inout [Output]
    ) {
        switch downgrade.action {
        case .unknown:
            outputs.append(.reply(call.number, .failure(.unknownDowngradeAction)))
            return
        case .cancel: break
        case .validate, .enable:
            guard ClusterVersion(clientText: downgrade.version) != nil else {
                outputs.append(.reply(call.number, .failure(.wrongDowngradeVersionFormat)))
                return
            }
            guard ledger.clusterVersion != nil else {
                outputs.append(.reply(call.number, .failure(.clusterVersionUnavailable)))
                return
            }
        }
        enqueueRead(call, request, &outputs)
    }

    /// The read is level with the cluster: what is noted here counts.
    func serveDowngrade(
        _ call: CallNumber, _ request: DowngradeRequest, _ outputs: inout [Output]
    ) {
        let isUnderWay = ledger.downgrade?.isEnabled == true
        if request.action == .cancel {
            if isUnderWay {
                setDowngrade(nil, call: call, &outputs)
            } else {
                outputs.append(.reply(call, .failure(.noInflightDowngrade)))
            }
            return
        }
        guard let current = ledger.clusterVersion.flatMap({ ClusterVersion($0) }) else {
            outputs.append(.reply(call, .failure(.clusterVersionUnavailable)))
            return
        }
        guard let target = ClusterVersion(clientText: request.version),
            target.isOneMinorBelow(current)
        else {
            outputs.append(.reply(call, .failure(.invalidDowngradeTargetVersion)))
            return
        }
        if isUnderWay {
            outputs.append(.reply(call, .failure(.downgradeInProcess)))
        } else if request.action == .enable {
            setDowngrade(target, call: call, &outputs)
        } else {
            outputs.append(.reply(call, .message(downgradeResponse().encoded())))
        }
    }

    /// Nil ends the downgrade.
    private func setDowngrade(
        _ target: ClusterVersion?, call: CallNumber?, _ outputs: inout [Output]
    ) {
        var request = DowngradeInfoSetRequest()
        request.enabled = target != nil
        request.ver = target?.text ?? ""
        let error = propose(
            .downgradeInfoSet(request), call: call, purpose: call == nil ? .upkeep : .downgrade)
        if let error, let call { outputs.append(.reply(call, .failure(error))) }
    }

    /// With the cluster's version as it is now, `X.Y`.
    func downgradeResponse() -> DowngradeResponse {
        var response = DowngradeResponse()
        response.header = header()
        let version = ledger.clusterVersion.flatMap { ClusterVersion($0) }
        response.version = version.map { "\($0.major).\($0.minor)" } ?? ""
        return response
    }

    /// While a downgrade is under way the cluster's version falls to its target when the last
    /// member runs that, and then the downgrade is over. True if nothing else may be decided.
    func considerDowngrade(
        _ versions: [ClusterVersion], _ outputs: inout [Output]
    ) -> Bool {
        guard let downgrade = ledger.downgrade, downgrade.isEnabled,
            let target = ClusterVersion(downgrade.targetVersion)
        else {
            lifecycle.isEndingDowngrade = false
            return false
        }
        guard !versions.isEmpty, versions.allSatisfy({ $0 == target }) else { return true }
        if ledger.clusterVersion != target.text {
            guard lifecycle.askedVersion != target.text else { return true }
            lifecycle.askedVersion = target.text
            var request = ClusterVersionSetRequest()
            request.ver = target.text
            propose(.clusterVersionSet(request), call: nil, purpose: .upkeep)
        } else if !lifecycle.isEndingDowngrade {
            lifecycle.isEndingDowngrade = true
            setDowngrade(nil, call: nil, &outputs)
        }
        return true
    }
}

extension ClusterVersion {
    /// As a client may write it: `X.Y` or `X.Y.Z`.
    init?(clientText text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let isShort = parts.count == 2
        guard isShort || parts.count == 3, !text.isEmpty else { return nil }
        self.init(isShort ? text + ".0" : text)
    }

    func isOneMinorBelow(_ other: ClusterVersion) -> Bool {
        major == other.major && other.minor > 0 && minor == other.minor - 1
    }
}
