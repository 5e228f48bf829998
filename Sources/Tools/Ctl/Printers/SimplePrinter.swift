// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats

func humanSize(_ bytes: Int64) -> String { HumanSize.text(UInt64(max(0, bytes))) }

/// Lease IDs: sixteen digits.
func leaseText(_ id: Int64) -> String {
    let digits = String(UInt64(bitPattern: id), radix: 16)
    return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
}

/// Member IDs in sentences: at least sixteen columns, blanks in front.
private func wide(_ id: UInt64) -> String {
    let digits = String(id, radix: 16)
    return String(repeating: " ", count: max(0, 16 - digits.count)) + digits
}

/// For people and scripts: keys and values as they are.
struct SimplePrinter {
    let hex: Bool
    private let personality: Personality
    private var output = ByteWriter()

    init(hex: Bool, _ personality: Personality) {
        self.hex = hex
        self.personality = personality
    }

    consuming func bytes(_ answer: Answer) -> [UInt8] {
        write(answer)
        return output.bytes
    }

    private mutating func line(_ text: String) {
        output.append(text: text + "\n")
    }

    private mutating func line(_ bytes: [UInt8]) {
        if hex {
            let digits = Array("0123456789abcdef".utf8)
            for byte in bytes {
                output.append([0x5c, 0x78, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        } else {
            output.append(bytes)
        }
        output.append(0x0a)
    }

    private mutating func record(_ record: KeyValue, valueOnly: Bool = false) {
        if !valueOnly { line(record.key) }
        line(record.value)
    }

    private mutating func write(_ answer: Answer) {
        switch answer {
        case .get(let response, let valuesOnly):
            for record in response.kvs { self.record(record, valueOnly: valuesOnly) }
        case .put(let response):
            line("OK")
            if let previous = response.prevKV { record(previous) }
        case .delete(let response):
            line("\(response.deleted)")
            for record in response.prevKVs { self.record(record) }
        case .txn(let response): write(response)
        case .watch(let response): write(response)
        case .leaseGranted(let response):
            line("lease \(leaseText(response.id)) granted with TTL(\(response.ttl)s)")
        case .leaseRevoked(let id, _): line("lease \(leaseText(id)) revoked")
        case .leaseKept(let response):
            line("lease \(leaseText(response.id)) keepalived with TTL(\(response.ttl))")
        case .leaseLife(let response, let withKeys): write(response, withKeys)
        case .leases(let response):
            line("found \(response.leases.count) leases")
            for lease in response.leases { line(leaseText(lease.id)) }
        case .alarms(let response):
            for alarm in response.alarms { line(SimplePrinter.protobufText(alarm)) }
        case .leaderMoved(let old, let new, _):
            let (old, new) = (String(old, radix: 16), String(new, radix: 16))
            line("Leadership transferred from \(old) to \(new)")
        case .memberAdded, .memberRemoved, .memberUpdated, .memberPromoted: writeMember(answer)
        case .health(let list):
            // The sick are told on standard error, by the command.
            for entry in list where entry.isHealthy {
                line(
                    "\(entry.endpoint) is healthy: successfully committed proposal: "
                        + "took = \(entry.took)")
            }
        case .acknowledged(let text, _): line(text)
        case .authStatus(let response):
            line("Authentication Status: \(response.enabled)")
            line("AuthRevision: \(response.authRevision)")
        case .user(let name, let response):
            line("User: \(name)")
            line("Roles:" + response.roles.map { " " + $0 }.joined())
        case .users(let response): for name in response.users { line(name) }
        case .roles(let response): for name in response.roles { line(name) }
        case .role(let name, let response): write(name, response)
        case .revoked(let role, let key, let end, _): writeRevoked(role, key, end)
        case .downgrade(let action, let response):
            line("Downgrade \(action) success, cluster version \(response.version)")
        case .members, .status, .hashes, .snapshot:
            for row in Listing(answer, personality)?.rows ?? [] {
                line(row.joined(separator: ", "))
            }
        }
    }

    private mutating func write(_ response: TxnResponse) {
        line(response.succeeded ? "SUCCESS" : "FAILURE")
        for operation in response.responses {
            line("")
            switch operation {
            case .range(let response): write(.get(response, valuesOnly: false))
            case .put(let response): write(.put(response))
            case .deleteRange(let response): write(.delete(response))
            case .txn(let response): write(.txn(response))
            case .none: break
            }
        }
    }

    private mutating func write(_ response: WatchResponse) {
        for event in response.events {
            line(event.type.name ?? "\(event.type.number)")
            if let previous = event.prevKV { record(previous) }
            record(event.kv ?? KeyValue())
        }
    }

    private mutating func write(_ response: LeaseTimeToLiveResponse, _ withKeys: Bool) {
        let id = leaseText(response.id)
        if response.grantedTTL == 0, response.ttl == -1 {
            return line("lease \(id) already expired")
        }
        output.append(
            text: "lease \(id) granted with TTL(\(response.grantedTTL)s), "
                + "remaining(\(response.ttl)s)")
        if withKeys {
            output.append(text: ", attached keys([")
            for (index, key) in response.keys.enumerated() {
                if index > 0 { output.append(0x20) }
                output.append(key)
            }
            output.append(text: "])")
        }
        output.append(0x0a)
    }

    private mutating func writeMember(_ answer: Answer) {
        switch answer {
        case .memberAdded(let response, let name, let urls):
            writeAdded(response, name, urls)
        case .memberRemoved(let id, let response):
            line("Member \(wide(id)) removed from cluster \(cluster(response.header))")
        case .memberUpdated(let id, let response):
            line("Member \(wide(id)) updated in cluster \(cluster(response.header))")
        case .memberPromoted(let id, let response):
            line("Member \(wide(id)) promoted in cluster \(cluster(response.header))")
        default: break
        }
    }

    private func cluster(_ header: ResponseHeader?) -> String { wide(header?.clusterID ?? 0) }

    /// With what the new member must be started with.
    private mutating func writeAdded(_ response: MemberAddResponse, _ name: String, _ urls: String)
    {
        let id = response.member?.id ?? 0
        let cluster = response.members.flatMap { member in
            member.peerURLs.map { (member.id == id ? name : member.name) + "=" + $0 }
        }
        line("Member \(wide(id)) added to cluster \(self.cluster(response.header))")
        line("")
        line("ETCD_NAME=\(GoQuote.text(name))")
        line("ETCD_INITIAL_CLUSTER=\(GoQuote.text(cluster.joined(separator: ",")))")
        line("ETCD_INITIAL_ADVERTISE_PEER_URLS=\(GoQuote.text(urls))")
        line("ETCD_INITIAL_CLUSTER_STATE=\"existing\"")
    }

    // MARK: Roles

    private mutating func write(_ role: String, _ response: AuthRoleGetResponse) {
        line("Role \(role)")
        let isRoot = role == "root" && response.perm.isEmpty && personality.explains
        line("KV Read:")
        if isRoot { line("\t[, <open ended>") }
        for permission in response.perm where permission.permType != .write { write(permission) }
        line("KV Write:")
        if isRoot { line("\t[, <open ended>") }
        for permission in response.perm where permission.permType != .read { write(permission) }
    }

    private mutating func write(_ permission: Permission) {
        let (key, end) = (permission.key, permission.rangeEnd)
        output.append(text: "\t")
        if end.isEmpty {
            output.append(key)
        } else {
            appendRange(key, end)
            if !key.isEmpty, RangeEnd.prefix(key) == end {
                output.append(text: " (prefix ")
                output.append(key)
                output.append(text: ")")
            }
        }
        output.append(0x0a)
    }

    private mutating func appendRange(_ key: [UInt8], _ end: [UInt8]) {
        output.append(text: "[")
        output.append(key)
        output.append(text: ", ")
        if end == RangeEnd.fromKey { return output.append(text: "<open ended>") }
        output.append(end)
        output.append(text: ")")
    }

    private mutating func writeRevoked(_ role: String, _ key: [UInt8], _ end: [UInt8]) {
        output.append(text: "Permission of \(end.isEmpty ? "key" : "range") ")
        if end.isEmpty { output.append(key) } else { appendRange(key, end) }
        line(" is revoked from role \(role)")
    }

    /// As protobuf prints messages as text: defaults left out, a blank behind each field.
    static func protobufText(_ alarm: AlarmMember) -> String {
        (alarm.memberID == 0 ? "" : "memberID:\(alarm.memberID) ")
            + (alarm.alarm.number == 0
                ? "" : "alarm:\(alarm.alarm.name ?? "\(alarm.alarm.number)") ")
    }
}
