// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Raft
import Replicated
import Testing

@testable import NodeCore

@Suite struct DowngradeTests {
    private func cluster(_ count: UInt64 = 1, version: String = "3.6.5") -> Cluster {
        let cluster = Cluster(count) { $0.version = version }.ready()
        see(cluster, version)
        return cluster
    }

    /// All members tell this version.
    private func see(_ cluster: Cluster, _ version: String, but other: [UInt64: String] = [:]) {
        var seen: [MemberID: String?] = [:]
        for member in cluster.members { seen[member.id] = other[member.id.number] ?? version }
        cluster.input(cluster.head, .versionsSeen(seen))
        cluster.settle()
    }

    private func ask(
        _ cluster: Cluster, _ action: DowngradeRequest.DowngradeAction, _ version: String = ""
    ) -> Answer? {
        var request = DowngradeRequest()
        request.action = action
        request.version = version
        return cluster.ask(cluster.follower, .downgrade(request))
    }

    @Test(arguments: ["3.5", "3.5.0", "3.5.9"]) func `one minor below is valid`(_ text: String) {
        let answer = ask(cluster(3), .validate, text)?.message(DowngradeResponse.self)
        #expect(answer?.version == "3.6")
        #expect(answer?.header?.memberID != nil)
    }

    @Test(arguments: ["3.4", "3.6", "3.7", "2.5", "4.5", "3.5.0-rc"])
    func `other versions are no target`(_ text: String) {
        let failure = ask(cluster(), .validate, text)?.failure
        #expect(failure == (text == "3.5.0-rc" ? nil : .invalidDowngradeTargetVersion), "\(text)")
    }

    @Test(arguments: [
        "", "3", "x", "3.x", "3.5.0.1", "-", "-.-", "..", "3..5", "99999999999999999999.5",
    ])
    func `what is no version is told so`(_ text: String) {
        #expect(ask(cluster(), .validate, text)?.failure == .wrongDowngradeVersionFormat, "\(text)")
    }

    @Test func `nothing can be told while the cluster's version is unknown`() {
        let cluster = Cluster(3).ready()
        #expect(ask(cluster, .validate, "3.5")?.failure == .clusterVersionUnavailable)
        #expect(ask(cluster, .enable, "3.5")?.failure == .clusterVersionUnavailable)
    }

    @Test func `an action from the future is unknown`() {
        #expect(ask(cluster(), .unknown(7), "3.5")?.failure == .unknownDowngradeAction)
    }

    @Test func `a downgrade is noted on every member, once, and can be called off`() {
        let cluster = cluster(3)
        #expect(ask(cluster, .cancel)?.failure == .noInflightDowngrade)
        let enabled = ask(cluster, .enable, "3.5")?.message(DowngradeResponse.self)
        #expect(enabled?.version == "3.6")
        cluster.tick(3)
        for member in cluster.members {
            #expect(
                member.node.ledger.downgrade
                    == Downgrade(isEnabled: true, targetVersion: "3.5.0"))
            #expect(member.node.status().downgradeInfo?.targetVersion == "3.5.0")
        }
        #expect(ask(cluster, .enable, "3.5")?.failure == .downgradeInProcess)
        #expect(ask(cluster, .validate, "3.5")?.failure == .downgradeInProcess)
        #expect(ask(cluster, .cancel)?.message(DowngradeResponse.self)?.version == "3.6")
        #expect(ask(cluster, .cancel)?.failure == .noInflightDowngrade)
        #expect(cluster.head.node.status().downgradeInfo == nil)
    }

    @Test func `the version stays while some member is not down yet`() {
        let cluster = cluster(3)
        _ = ask(cluster, .enable, "3.5")
        see(cluster, "3.5.9", but: [cluster.head.id.number: "3.6.5"])
        #expect(cluster.head.node.ledger.clusterVersion == "3.6.0")
        #expect(cluster.head.node.ledger.downgrade?.isEnabled == true)
    }

    /// Members that were replaced by the older version, and lead.
    @Test func `the last member down takes the version along and ends the downgrade`() {
        let cluster = Cluster(3) { $0.version = "3.5.9" }.ready()
        var set = ClusterVersionSetRequest()
        set.ver = "3.6.0"
        cluster.head.node.propose(.clusterVersionSet(set), call: nil, purpose: .upkeep)
        cluster.settle()
        #expect(ask(cluster, .enable, "3.5")?.failure == nil)
        see(cluster, "3.5.9")
        #expect(cluster.head.node.ledger.clusterVersion == "3.5.0")
        #expect(cluster.head.node.ledger.downgrade?.isEnabled == true)
        see(cluster, "3.5.9")
        #expect(cluster.head.node.ledger.downgrade?.isEnabled == false)
        see(cluster, "3.5.9")
        #expect(cluster.head.node.ledger.clusterVersion == "3.5.0")
    }

    @Test func `a member that tells nonsense as its version decides nothing`() {
        let cluster = cluster(3)
        for text in ["", "-", "--", "3.6", "x.y.z"] {
            see(cluster, "3.6.5", but: [cluster.follower.id.number: text])
        }
        #expect(cluster.head.node.ledger.clusterVersion == "3.6.0")
    }
}
