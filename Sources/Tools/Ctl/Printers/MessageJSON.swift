// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import Formats

/// A message as Go's encoding/json writes its struct: protobuf's names, defaults left out, bytes in
/// base64, enumerations as numbers.
struct MessageJSON: FieldVisitor {
    typealias Failure = Never

    private var members: [(String, JSONValue)] = []

    static func object(_ message: some WireMessage) -> JSONValue {
        .object(members(message))
    }

    static func members(_ message: some WireMessage) -> [(String, JSONValue)] {
        var walk = MessageJSON()
        var walked = message
        walked.fields(&walk)
        return walk.members
    }

    private mutating func add(_ name: StaticString, _ value: JSONValue, if isThere: Bool = true) {
        if isThere { members.append(("\(name)", value)) }
    }

    mutating func int64(
        _ number: Int, _ name: StaticString, _ value: inout Int64, always: Bool
    ) {
        add(name, .integer(value), if: value != 0)
    }

    mutating func uint64(
        _ number: Int, _ name: StaticString, _ value: inout UInt64, always: Bool
    ) {
        add(name, .unsigned64(value), if: value != 0)
    }

    mutating func uint32(_ number: Int, _ name: StaticString, _ value: inout UInt32) {
        add(name, .integer(Int64(value)), if: value != 0)
    }

    mutating func bool(_ number: Int, _ name: StaticString, _ value: inout Bool, always: Bool) {
        add(name, .bool(value), if: value)
    }

    mutating func string(
        _ number: Int, _ name: StaticString, _ value: inout String, always: Bool
    ) {
        add(name, .string(value), if: !value.isEmpty)
    }

    mutating func bytes(_ number: Int, _ name: StaticString, _ value: inout [UInt8]) {
        add(name, .string(Base64.encode(value)), if: !value.isEmpty)
    }

    mutating func enumeration<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout E
    ) {
        add(name, .integer(Int64(value.number)), if: value.number != 0)
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout Int64?) {
        if let value { add(name, .integer(value)) }
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout Bool?) {
        if let value { add(name, .bool(value)) }
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout [UInt8]?) {
        if let value { add(name, .string(Base64.encode(value))) }
    }

    mutating func stringList(_ number: Int, _ name: StaticString, _ value: inout [String]) {
        add(name, .array(value.map(JSONValue.string)), if: !value.isEmpty)
    }

    mutating func bytesList(_ number: Int, _ name: StaticString, _ value: inout [[UInt8]]) {
        add(name, .array(value.map { .string(Base64.encode($0)) }), if: !value.isEmpty)
    }

    mutating func enumerationList<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout [E]
    ) {
        add(name, .array(value.map { .integer(Int64($0.number)) }), if: !value.isEmpty)
    }

    mutating func message<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout M?
    ) {
        if let value { add(name, MessageJSON.object(value)) }
    }

    mutating func messages<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout [M]
    ) {
        add(name, .array(value.map { MessageJSON.object($0) }), if: !value.isEmpty)
    }

    /// Go holds the alternative in a field of its own, which bears the name of the oneof.
    mutating func choice<Choice, M: WireMessage>(
        _ number: Int, _ name: StaticString, _ choice: inout Choice, _ wrap: (M) -> Choice,
        _ unwrap: (Choice) -> M?
    ) {
        guard let held = unwrap(choice) else { return }
        members.append(("Response", .object([("\(name)", MessageJSON.object(held))])))
    }
}
