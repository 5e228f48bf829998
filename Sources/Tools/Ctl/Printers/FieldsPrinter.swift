// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI

/// One field a line, names and texts quoted.
struct FieldsPrinter {
    private let isNew: Bool
    private var output = ""

    /// Nil for answers that have no such form.
    static func text(_ answer: Answer, _ personality: Personality) -> String? {
        var printer = FieldsPrinter(isNew: personality.explains)
        return printer.write(answer) ? printer.output : nil
    }

    private mutating func field(_ name: String, _ value: some CustomStringConvertible) {
        output += "\"\(name)\" : \(value)\n"
    }

    private mutating func header(_ header: ResponseHeader?) {
        let header = header ?? ResponseHeader()
        field("ClusterID", header.clusterID)
        field("MemberID", header.memberID)
        field("Revision", header.revision)
        field("RaftTerm", header.raftTerm)
    }

    private mutating func record(_ record: KeyValue, _ prefix: String = "") {
        field(prefix + "Key", GoQuote.text(record.key))
        field(prefix + "CreateRevision", record.createRevision)
        field(prefix + "ModRevision", record.modRevision)
        field(prefix + "Version", record.version)
        field(prefix + "Value", GoQuote.text(record.value))
        field(prefix + "Lease", record.lease)
    }

    private mutating func write(_ answer: Answer) -> Bool {
        switch answer {
        case .get(let response, _): write(response)
        case .put(let response): write(response)
        case .delete(let response): write(response)
        case .txn(let response): write(response)
        case .watch(let response): write(response)
        case .leaseGranted, .leaseRevoked, .leaseKept, .leaseLife, .leases: writeLease(answer)
        case .members(let response): write(response)
        case .health(let list): for entry in list { write(entry) }
        case .status(let list): for entry in list { write(entry) }
        case .hashes(let list):
            for entry in list {
                header(entry.hash.header)
                field("Endpoint", GoQuote.text(entry.endpoint))
                field("Hash", entry.hash.hash)
                if isNew { field("HashRevision", entry.hash.hashRevision) }
                output += "\n"
            }
        case .alarms(let response):
            header(response.header)
            for alarm in response.alarms {
                field("MemberID", alarm.memberID)
                field("AlarmType", alarm.alarm.name ?? "\(alarm.alarm.number)")
                output += "\n"
            }
        case .snapshot(let summary):
            field("Hash", summary.hash)
            field("Revision", summary.revision)
            field("Keys", summary.keyCount)
            field("Size", summary.size)
            if let version = summary.version { field("Version", GoQuote.text(version)) }
        case .acknowledged(_, let header), .revoked(_, _, _, let header): self.header(header)
        case .role(_, let response):
            header(response.header)
            for permission in response.perm {
                let type = permission.permType
                // Two blanks, as etcdctl has them.
                field("PermType", " " + (type.name ?? "\(type.number)"))
                field("Key", GoQuote.text(permission.key))
                field("RangeEnd", GoQuote.text(permission.rangeEnd))
            }
        case .roles(let response):
            header(response.header)
            output += "\"Roles\" :" + response.roles.map { " " + GoQuote.text($0) }.joined() + "\n"
        case .memberAdded, .memberRemoved, .memberUpdated, .memberPromoted, .leaderMoved,
            .authStatus, .user, .users, .downgrade:
            return false
        }
        return true
    }

    private mutating func write(_ response: RangeResponse) {
        header(response.header)
        for record in response.kvs { self.record(record) }
        field("More", response.more)
        field("Count", response.count)
    }

    private mutating func write(_ response: PutResponse) {
        header(response.header)
        if let previous = response.prevKV { record(previous, "Prev") }
    }

    private mutating func write(_ response: DeleteRangeResponse) {
        header(response.header)
        field("Deleted", response.deleted)
        for record in response.prevKVs { self.record(record, "Prev") }
    }

    private mutating func write(_ response: TxnResponse) {
        header(response.header)
        field("Succeeded", response.succeeded)
        for operation in response.responses {
            switch operation {
            case .range(let response): write(response)
            case .put(let response): write(response)
            case .deleteRange(let response): write(response)
            case .txn(let response): write(response)
            case .none: break
            }
        }
    }

    private mutating func write(_ response: WatchResponse) {
        header(response.header)
        for event in response.events {
            field("Type", event.type.name ?? "\(event.type.number)")
            if let previous = event.prevKV { record(previous, "Prev") }
            record(event.kv ?? KeyValue())
        }
    }

    private mutating func writeLease(_ answer: Answer) {
        switch answer {
        case .leaseGranted(let response):
            header(response.header)
            field("ID", response.id)
            field("TTL", response.ttl)
        case .leaseRevoked(_, let response): header(response.header)
        case .leaseKept(let response):
            header(response.header)
            field("ID", response.id)
            field("TTL", response.ttl)
        case .leaseLife(let response, _):
            header(response.header)
            field("ID", response.id)
            field("TTL", response.ttl)
            field("GrantedTTL", response.grantedTTL)
            for key in response.keys { field("Key", GoQuote.text(key)) }
        case .leases(let response):
            header(response.header)
            for lease in response.leases { field("ID", lease.id) }
        default: break
        }
    }

    private mutating func write(_ response: MemberListResponse) {
        header(response.header)
        for member in response.members {
            field("ID", member.id)
            field("Name", GoQuote.text(member.name))
            for url in member.peerURLs { field("PeerURL", GoQuote.text(url)) }
            for url in member.clientURLs { field("ClientURL", GoQuote.text(url)) }
            field("IsLearner", member.isLearner)
            output += "\n"
        }
    }

    private mutating func write(_ entry: EndpointHealth) {
        field("Endpoint", GoQuote.text(entry.endpoint))
        field("Health", entry.isHealthy)
        field("Took", entry.took)
        field("Error", entry.error)
        output += "\n"
    }

    private mutating func write(_ entry: EndpointStatus) {
        let status = entry.status
        header(status.header)
        field("Version", GoQuote.text(status.version))
        if isNew { field("StorageVersion", GoQuote.text(status.storageVersion)) }
        field("DBSize", status.dbSize)
        if isNew {
            field("DBSizeInUse", status.dbSizeInUse)
            field("DBSizeQuota", status.dbSizeQuota)
        }
        field("Leader", status.leader)
        field("IsLearner", status.isLearner)
        field("RaftIndex", status.raftIndex)
        field("RaftTerm", status.raftTerm)
        field("RaftAppliedIndex", status.raftAppliedIndex)
        field("Errors", "[" + status.errors.joined(separator: " ") + "]")
        field("Endpoint", GoQuote.text(entry.endpoint))
        if isNew {
            let downgrade = status.downgradeInfo
            field("DowngradeTargetVersion", GoQuote.text(downgrade?.targetVersion ?? ""))
            field("DowngradeEnabled", downgrade?.enabled ?? false)
        }
        output += "\n"
    }

    private init(isNew: Bool) {
        self.isNew = isNew
    }
}
