// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
package import MVCC

/// Why rows are not those of a ledger.
package enum LoadFailure: Error, Equatable, Sendable {
    case keyspace(KeyspaceError)
    /// A row of this bucket cannot be read; the key as text, as far as it is one.
    case row(bucket: String, key: String)
}

/// Makes a ledger of the rows of a database file, written here or by etcd.
///
/// Rows of one bucket come in key order; buckets in any order. Buckets unknown here are dropped.
package struct LedgerLoader: ~Copyable {
    private let settings: LedgerSettings
    private let keyspace: Keyspace
    private var lessor: Lessor
    private var members: Membership
    private var alarms = Alarms()
    private var clusterVersion: String?
    private var downgrade: Downgrade?
    private var appliedIndex = LogIndex.zero
    private var appliedTerm = Term.zero
    private var configuration = Configuration()
    private var scheduledCompact: Int64?
    private var finishedCompact: Int64?
    private var auth = AuthStore()
    private var otherMetaRows: [BucketRow] = []

    package init(settings: LedgerSettings) {
        self.settings = settings
        keyspace = Keyspace(hashSeed: settings.hashSeed, chunkSize: settings.chunkSize)
        lessor = Lessor(minimumTTL: settings.minimumLeaseTTL)
        members = Membership(maxLearners: settings.maxLearners)
    }

    /// The bytes need live only during the call.
    package mutating func row(
        bucket: String, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer
    ) throws(LoadFailure) {
        if bucket == "key" {
            do throws(KeyspaceError) {
                unsafe try keyspace.restoreRow(key: key, value: value)
            } catch {
                throw .keyspace(error)
            }
            return
        }
        let row = BucketRow(unsafe Array(key), unsafe Array(value))
        if !take(row, of: bucket) {
            throw .row(bucket: bucket, key: String(decoding: row.key, as: UTF8.self))
        }
    }

    /// Leases get their keys back from the keys that live.
    package consuming func finish() throws(LoadFailure) -> Ledger {
        let everything = KeyRange(key: [0], end: [0])
        do throws(KeyspaceError) {
            try keyspace.finishRestore(
                scheduledCompact: scheduledCompact, finishedCompact: finishedCompact)
            let live = try keyspace.range(everything, at: 0, limit: 0, countOnly: false)
            for record in live.records where record.lease != 0 {
                lessor.attach(record.key, to: record.lease)
            }
        } catch {
            throw .keyspace(error)
        }
        let ledger = Ledger(
            settings: settings, keyspace: keyspace, lessor: lessor, members: members)
        ledger.alarms = alarms
        ledger.clusterVersion = clusterVersion
        ledger.downgrade = downgrade
        ledger.appliedIndex = appliedIndex
        ledger.appliedTerm = appliedTerm
        ledger.configuration = configuration
        ledger.auth = auth
        ledger.otherMetaRows = otherMetaRows
        return ledger
    }

    /// False for a row that cannot be read.
    private mutating func take(_ row: BucketRow, of bucket: String) -> Bool {
        switch bucket {
        case "alarm": return takeAlarm(row)
        case "lease": return takeLease(row)
        case "members": return takeMember(row)
        case "members_removed":
            guard let id = readHexadecimal(row.key) else { return false }
            members.insertRemoved(MemberID(id))
        case "cluster": return takeCluster(row)
        case "meta": return takeMeta(row)
        case "auth", "authRoles", "authUsers": return auth.take(row, of: bucket)
        default: break
        }
        return true
    }

    private mutating func takeAlarm(_ row: BucketRow) -> Bool {
        do throws(WireError) {
            alarms.raise(try AlarmMember(decoding: row.key))
            return true
        } catch {
            return false
        }
    }

    private mutating func takeLease(_ row: BucketRow) -> Bool {
        do throws(WireError) {
            let lease = try StoredLease(decoding: row.value)
            guard lease.id != 0, row.key == BucketRow.bigEndian(lease.id),
                lease.ttl <= Lessor.maximumTTL, !lessor.contains(lease.id)
            else { return false }
            lessor.restore(lease.id, ttl: lease.ttl, recorded: lease.remainingTTL)
            return true
        } catch {
            return false
        }
    }

    private mutating func takeMember(_ row: BucketRow) -> Bool {
        guard let member = GoJSON.readMember(row.value)?.member,
            readHexadecimal(row.key) == member.id
        else { return false }
        return members.restore(member)
    }

    private mutating func takeCluster(_ row: BucketRow) -> Bool {
        switch row.key {
        case Array("clusterVersion".utf8):
            guard let version = ClusterVersion(String(decoding: row.value, as: UTF8.self)) else {
                return false
            }
            clusterVersion = version.text
        case Array("downgrade".utf8):
            guard let downgrade = GoJSON.readDowngrade(row.value) else { return false }
            self.downgrade = downgrade
        default: break
        }
        return true
    }

    private mutating func takeMeta(_ row: BucketRow) -> Bool {
        switch String(decoding: row.key, as: UTF8.self) {
        case "consistent_index":
            guard let index = number(row.value) else { return false }
            appliedIndex = LogIndex(index)
        case "term":
            guard let term = number(row.value) else { return false }
            appliedTerm = Term(term)
        case "confState":
            guard let configuration = GoJSON.readConfiguration(row.value) else { return false }
            self.configuration = configuration
        case "scheduledCompactRev":
            scheduledCompact = main(row.value)
            return scheduledCompact != nil
        case "finishedCompactRev":
            finishedCompact = main(row.value)
            return finishedCompact != nil
        // Follows from the cluster's version.
        case "storageVersion": break
        default: otherMetaRows.append(row)
        }
        return true
    }

    private func number(_ bytes: [UInt8]) -> UInt64? {
        guard bytes.count == 8 else { return nil }
        return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The main revision of a row key.
    private func main(_ bytes: [UInt8]) -> Int64? {
        guard bytes.count == 17 else { return nil }
        return number(Array(bytes.prefix(8))).flatMap { Int64(exactly: $0) }
    }
}
