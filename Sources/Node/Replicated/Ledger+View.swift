// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import MVCC

extension Ledger {
    /// Costs a few steps for each member, alarm, lease and chunk of the keyspace.
    package func view() -> LedgerView {
        var rows = SortedMap<String, [BucketRow]>()
        for bucket in ["auth", "authRoles", "authUsers"] { rows[bucket] = auth.rows(of: bucket) }
        rows["alarm"] = alarmRows
        rows["cluster"] = clusterRows
        rows["members"] = memberRows
        rows["members_removed"] = sorted(
            members.removed.map { BucketRow($0.description, Array("removed".utf8)) })
        rows["meta"] = sorted(metaRows + otherMetaRows)
        return LedgerView(
            appliedIndex: appliedIndex, appliedTerm: appliedTerm, revision: keyspace.revision,
            configuration: configuration, keyspace: keyspace.view(), leases: lessor.rows(),
            rows: rows)
    }

    /// A sum over all that is replicated. Equal on members that applied the same entries, also
    /// after a restart; walks everything.
    package func stateHash() -> UInt32 {
        var crc = CRC32C(continuing: view().hash(skipping: []))
        lessor.hashAttachments(into: &crc)
        crc.update(BucketRow.bigEndian(keyspace.revision))
        crc.update(BucketRow.bigEndian(keyspace.compactRevision))
        return crc.value
    }

    private var alarmRows: [BucketRow] {
        sorted(
            alarms.list.map { alarm in
                var writer = ByteWriter(capacity: 16)
                writer.appendAlarm(alarm)
                return BucketRow(writer.bytes, [])
            })
    }

    private var clusterRows: [BucketRow] {
        var rows: [BucketRow] = []
        if let clusterVersion {
            rows.append(BucketRow("clusterVersion", Array(clusterVersion.utf8)))
        }
        if let downgrade { rows.append(BucketRow("downgrade", GoJSON.downgrade(downgrade))) }
        return rows
    }

    private var memberRows: [BucketRow] {
        sorted(members.list.map { BucketRow(String($0.id, radix: 16), GoJSON.member($0)) })
    }

    private var metaRows: [BucketRow] {
        var rows = [
            BucketRow("consistent_index", BucketRow.bigEndian(appliedIndex.number)),
            BucketRow("term", BucketRow.bigEndian(appliedTerm.number)),
        ]
        if configuration != Configuration() {
            rows.append(BucketRow("confState", GoJSON.configuration(configuration)))
        }
        if keyspace.compactRevision >= 0 {
            let revision = Ledger.revisionRow(keyspace.compactRevision)
            rows.append(BucketRow("scheduledCompactRev", revision))
            rows.append(BucketRow("finishedCompactRev", revision))
        }
        if let storageVersion {
            rows.append(BucketRow("storageVersion", Array(storageVersion.utf8)))
        }
        return rows
    }

    /// The format of the rows follows the cluster's version from 3.6 on; older files say nothing.
    package var storageVersion: String? {
        guard let version = clusterVersion.flatMap({ ClusterVersion($0) }),
            (version.major, version.minor) >= (3, 6)
        else { return nil }
        return "\(version.major).\(version.minor).0"
    }

    private static func revisionRow(_ main: Int64) -> [UInt8] {
        BucketRow.bigEndian(main) + [0x5f] + BucketRow.bigEndian(Int64(0))
    }

    /// Numbers in hexadecimal do not sort as their bytes do.
    private func sorted(_ rows: [BucketRow]) -> [BucketRow] {
        rows.sorted { isBytewiseBefore($0.key, $1.key) }
    }
}
