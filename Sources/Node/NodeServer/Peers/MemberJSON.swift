// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import Formats

/// Members as the peer port lists them. Ids are whole numbers beyond what a double holds.
enum MemberJSON {
    static func list(_ members: [EtcdAPI.Member]) -> JSONValue {
        .array(members.sorted { $0.id < $1.id }.map(value))
    }

    private static func value(_ member: EtcdAPI.Member) -> JSONValue {
        var fields: [(String, JSONValue)] = [
            ("id", .unsigned64(member.id)), ("peerURLs", strings(member.peerURLs)),
        ]
        if member.isLearner { fields.append(("isLearner", .bool(true))) }
        if !member.name.isEmpty { fields.append(("name", .string(member.name))) }
        if !member.clientURLs.isEmpty { fields.append(("clientURLs", strings(member.clientURLs))) }
        return .object(fields)
    }

    private static func strings(_ texts: [String]) -> JSONValue {
        .array(texts.map { .string($0) })
    }

    /// Nil for anything but a list of members.
    static func members(_ text: [UInt8]) -> [EtcdAPI.Member]? {
        guard let values = (try? JSON.parse(text))?.array else { return nil }
        let members = values.compactMap { member($0) }
        return members.count == values.count ? members : nil
    }

    static func member(_ value: JSONValue) -> EtcdAPI.Member? {
        guard let id = value["id"]?.uint64, id != 0 else { return nil }
        return EtcdAPI.Member(
            id: id, name: value["name"]?.string ?? "", peerURLs: texts(value["peerURLs"]),
            clientURLs: texts(value["clientURLs"]), isLearner: value["isLearner"]?.bool ?? false)
    }

    private static func texts(_ value: JSONValue?) -> [String] {
        (value?.array ?? []).compactMap(\.string)
    }
}
