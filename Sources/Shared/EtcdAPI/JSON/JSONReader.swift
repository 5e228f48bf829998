// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Reads a message from a JSON object. The walk over the field list looks each field up, under its
/// protobuf name or in camelCase; if both are there the latter counts, as in etcd.
struct JSONReader: FieldVisitor {
    typealias Failure = JSONFailure

    private var members: [JSONNode.Member] = []
    private var depth = 0

    static func read<M: WireMessage>(_ node: JSONNode) throws(JSONFailure) -> M {
        var reader = JSONReader()
        var message = M()
        try reader.merge(node, into: &message)
        return message
    }

    private mutating func merge<M: WireMessage>(
        _ node: JSONNode, into message: inout M
    ) throws(JSONFailure) {
        guard depth < Decoder.maxDepth else { throw JSONFailure("exceeded max depth") }
        let outer = members
        switch node {
        case .null: members = []
        case .object(let held): members = held
        case .bool, .number, .string, .array:
            throw JSONReader.cannot(node, "map[string]json.RawMessage")
        }
        depth += 1
        try message.fields(&self)
        depth -= 1
        members = outer
    }

    /// Nil if the field is not there, or null.
    private func find(_ name: StaticString) -> JSONNode? {
        let plain = "\(name)"
        var found: JSONNode?
        for member in members where member.key == plain { found = member.value }
        let camel = JSONReader.camelCase(plain)
        if camel != plain {
            for member in members where member.key == camel { found = member.value }
        }
        if case .null? = found { return nil }
        return found
    }

    static func camelCase(_ name: String) -> String {
        guard name.utf8.contains(0x5f) else { return name }
        var result = ""
        var raises = false
        for character in name {
            if character == "_" {
                raises = true
            } else {
                result += raises ? character.uppercased() : String(character)
                raises = false
            }
        }
        return result
    }

    static func cannot(_ node: JSONNode, _ type: String) -> JSONFailure {
        var what = node.kind
        let isNumeric = type.contains("int") && !type.hasPrefix("[") || type.hasSuffix("Number")
        if case .number(let text) = node, isNumeric {
            what += " " + String(decoding: text, as: UTF8.self)
        }
        return JSONFailure("json: cannot unmarshal \(what) into Go value of type \(type)")
    }

    // MARK: Fields

    mutating func int64(
        _ number: Int, _ name: StaticString, _ value: inout Int64, always: Bool
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.integer(node, "int64") }
    }

    mutating func uint64(
        _ number: Int, _ name: StaticString, _ value: inout UInt64, always: Bool
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.integer(node, "uint64") }
    }

    mutating func uint32(
        _ number: Int, _ name: StaticString, _ value: inout UInt32
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.integer(node, "uint32") }
    }

    mutating func bool(
        _ number: Int, _ name: StaticString, _ value: inout Bool, always: Bool
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.bool(node) }
    }

    mutating func string(
        _ number: Int, _ name: StaticString, _ value: inout String, always: Bool
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.string(node) }
    }

    mutating func bytes(
        _ number: Int, _ name: StaticString, _ value: inout [UInt8]
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.bytes(node) }
    }

    mutating func enumeration<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout E
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.enumeration(node) }
    }

    mutating func optional(
        _ number: Int, _ name: StaticString, _ value: inout Int64?
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.integer(node, "int64") }
    }

    mutating func optional(
        _ number: Int, _ name: StaticString, _ value: inout Bool?
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.bool(node) }
    }

    mutating func optional(
        _ number: Int, _ name: StaticString, _ value: inout [UInt8]?
    ) throws(JSONFailure) {
        if let node = find(name) { value = try JSONScalar.bytes(node) }
    }

    mutating func stringList(
        _ number: Int, _ name: StaticString, _ value: inout [String]
    ) throws(JSONFailure) {
        for node in try elements(name) { value.append(try JSONScalar.string(node)) }
    }

    mutating func bytesList(
        _ number: Int, _ name: StaticString, _ value: inout [[UInt8]]
    ) throws(JSONFailure) {
        for node in try elements(name) { value.append(try JSONScalar.bytes(node)) }
    }

    mutating func enumerationList<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout [E]
    ) throws(JSONFailure) {
        for node in try elements(name) { value.append(try JSONScalar.enumeration(node)) }
    }

    mutating func message<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout M?
    ) throws(JSONFailure) {
        guard let node = find(name) else { return }
        var message = value ?? M()
        try merge(node, into: &message)
        value = message
    }

    mutating func messages<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout [M]
    ) throws(JSONFailure) {
        for node in try elements(name) {
            var message = M()
            try merge(node, into: &message)
            value.append(message)
        }
    }

    mutating func choice<Choice, M: WireMessage>(
        _ number: Int, _ name: StaticString, _ choice: inout Choice, _ wrap: (M) -> Choice,
        _ unwrap: (Choice) -> M?
    ) throws(JSONFailure) {
        guard let node = find(name) else { return }
        var message = M()
        try merge(node, into: &message)
        choice = wrap(message)
    }

    private func elements(_ name: StaticString) throws(JSONFailure) -> [JSONNode] {
        guard let node = find(name) else { return [] }
        guard case .array(let elements) = node else {
            throw JSONReader.cannot(node, "[]json.RawMessage")
        }
        return elements
    }
}
