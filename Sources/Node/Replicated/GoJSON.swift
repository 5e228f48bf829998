// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import EtcdAPI
internal import Formats

/// The JSON that etcd keeps in rows and entries, in the byte form of Go's encoding/json: fields in
/// the order of Go's structs, empty ones left out where the struct says so.
package enum GoJSON {
    /// Bucket `members`, and the context of an addition or an update:
    /// `{"id":1,"peerURLs":["…"],"isLearner":true,"name":"…","clientURLs":["…"]}`.
    static func member(_ member: Member) -> [UInt8] {
        var fields: [(String, JSONValue)] = [
            ("id", .unsigned64(member.id)), ("peerURLs", strings(member.peerURLs)),
        ]
        if member.isLearner { fields.append(("isLearner", .bool(true))) }
        return JSON.bytes(
            .object(fields + attributeFields(member.name, member.clientURLs)))
    }

    static func promotion(of id: MemberID) -> [UInt8] {
        JSON.bytes(
            .object([
                ("id", .unsigned64(id.number)), ("peerURLs", .null), ("isPromote", .bool(true)),
            ]))
    }

    static func attributes(name: String, clientURLs: [String]) -> [UInt8] {
        JSON.bytes(.object(attributeFields(name, clientURLs)))
    }

    /// Row `confState` of bucket `meta`.
    package static func configuration(_ configuration: Configuration) -> [UInt8] {
        let lists = [
            ("voters", configuration.voters), ("learners", configuration.learners),
            ("voters_outgoing", configuration.votersOutgoing),
            ("learners_next", configuration.learnersNext),
        ]
        var fields: [(String, JSONValue)] = lists.filter { !$0.1.isEmpty }
            .map { ($0.0, .array($0.1.map { .unsigned64($0.number) })) }
        fields.append(("auto_leave", .bool(configuration.leavesByItself)))
        return JSON.bytes(.object(fields))
    }

    /// Row `downgrade` of bucket `cluster`.
    static func downgrade(_ downgrade: Downgrade) -> [UInt8] {
        JSON.bytes(
            .object([
                ("target-version", .string(downgrade.targetVersion)),
                ("enabled", .bool(downgrade.isEnabled)),
            ]))
    }

    private static func attributeFields(
        _ name: String, _ clientURLs: [String]
    ) -> [(String, JSONValue)] {
        var fields: [(String, JSONValue)] = []
        if !name.isEmpty { fields.append(("name", .string(name))) }
        if !clientURLs.isEmpty { fields.append(("clientURLs", strings(clientURLs))) }
        return fields
    }

    private static func strings(_ texts: [String]) -> JSONValue {
        .array(texts.map { .string($0) })
    }

    // MARK: Reading

    // A field of the wrong type makes the whole unreadable, as it does for Go; null is an absent
    // field.

    static func readMember(
        _ text: [UInt8]
    ) -> (member: Member, isPromotion: Bool)? {
        guard let object = object(text), let id = object["id"]?.uint64, id != 0,
            let peerURLs = strings(object["peerURLs"]), let isLearner = bool(object["isLearner"]),
            let isPromotion = bool(object["isPromote"]), let said = attributes(object)
        else { return nil }
        let member = Member(
            id: id, name: said.name, peerURLs: peerURLs, clientURLs: said.clientURLs,
            isLearner: isLearner)
        return (member, isPromotion)
    }

    static func readAttributes(_ text: [UInt8]) -> (name: String, clientURLs: [String])? {
        object(text).flatMap(attributes)
    }

    static func readConfiguration(_ text: [UInt8]) -> Configuration? {
        guard let object = object(text), let voters = members(object["voters"]),
            let learners = members(object["learners"]),
            let outgoing = members(object["voters_outgoing"]),
            let next = members(object["learners_next"]), let leaves = bool(object["auto_leave"])
        else { return nil }
        return Configuration(
            voters: voters, learners: learners, votersOutgoing: outgoing, learnersNext: next,
            leavesByItself: leaves)
    }

    static func readDowngrade(_ text: [UInt8]) -> Downgrade? {
        guard let object = object(text), let target = string(object["target-version"]),
            let isEnabled = bool(object["enabled"])
        else { return nil }
        return Downgrade(isEnabled: isEnabled, targetVersion: target)
    }

    private static func attributes(
        _ object: JSONObject
    ) -> (name: String, clientURLs: [String])? {
        guard let name = string(object["name"]), let urls = strings(object["clientURLs"]) else {
            return nil
        }
        return (name, urls)
    }

    private static func object(_ text: [UInt8]) -> JSONObject? {
        do throws(FormatError) {
            return try JSON.parse(text).object
        } catch {
            return nil
        }
    }

    private static func bool(_ value: JSONValue?) -> Bool? {
        guard let value, !value.isNull else { return false }
        return value.bool
    }

    private static func string(_ value: JSONValue?) -> String? {
        guard let value, !value.isNull else { return "" }
        return value.string
    }

    private static func strings(_ value: JSONValue?) -> [String]? {
        guard let value, !value.isNull else { return [] }
        return all(value.array?.map(\.string))
    }

    private static func members(_ value: JSONValue?) -> [MemberID]? {
        guard let value, !value.isNull else { return [] }
        return all(value.array?.map { $0.uint64.map { MemberID($0) } })
    }

    /// Nil when any is nil.
    private static func all<Element>(_ elements: [Element?]?) -> [Element]? {
        guard let elements else { return nil }
        let present = elements.compactMap(\.self)
        return present.count == elements.count ? present : nil
    }
}
