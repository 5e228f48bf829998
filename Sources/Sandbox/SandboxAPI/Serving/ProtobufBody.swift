// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube

/// Bodies in protobuf, as `kubectl create` and other typed clients send them. Only reading: answers
/// are JSON, which those clients accept too.
///
///     "k8s\0"  Unknown { 1 typeMeta { 1 apiVersion, 2 kind }, 2 raw, 3 encoding, 4 type }
///
/// Field numbers come from ProtobufNumbers, kinds of values from the schema table. Zeros that
/// Go's JSON would leave out are left out.
struct ProtobufBody {
    static let mark: [UInt8] = Array("k8s".utf8) + [0]
    private static let maxDepth = 40

    /// JSON of an envelope and what is in it.
    static func read(_ bytes: [UInt8]) throws(StatusError) -> JSONValue {
        guard bytes.starts(with: mark) else { throw broken("no mark at the start") }
        var envelope = ProtobufReader(bytes[mark.count...])
        var apiVersion = ""
        var kind = ""
        var raw: ArraySlice<UInt8> = []
        while let (number, value) = try envelope.next() {
            switch (number, value) {
            case (1, .bytes(let meta)):
                var reader = ProtobufReader(meta)
                while let (field, text) = try reader.next() {
                    guard case .bytes(let bytes) = text else { continue }
                    let word = String(decoding: bytes, as: UTF8.self)
                    if field == 1 { apiVersion = word } else if field == 2 { kind = word }
                }
            case (2, .bytes(let content)): raw = content
            default: break
            }
        }
        let isCustom = ProtobufNumbers.tables[kind] == nil
        guard !isCustom else {
            throw .unsupportedMediaType(
                "the sandbox does not read \(kind) in protobuf; send application/json")
        }
        var types = SchemaText(BuiltInTypes.all)
        let schema = types.schema(of: kind)
        var object = try message(raw, schema, kind, depth: 0)
        // Members that are not there in protobuf come first in JSON.
        object.members.insert(
            contentsOf: [
                JSONObject.Member(key: "apiVersion", value: .string(apiVersion)),
                JSONObject.Member(key: "kind", value: .string(kind)),
            ], at: 0)
        return .object(object)
    }

    static func broken(_ reason: String) -> StatusError {
        .badRequest("the body is no protobuf of Kubernetes: \(reason)")
    }

    private static func message(
        _ bytes: ArraySlice<UInt8>, _ schema: FieldSchema, _ type: String, depth: Int
    ) throws(StatusError) -> JSONObject {
        guard depth < maxDepth else { throw broken("nested too deep") }
        guard let numbers = ProtobufNumbers.tables[type] else {
            // An empty message says nothing that could be lost.
            if isHollow(bytes, depth: depth) { return JSONObject() }
            throw .unsupportedMediaType(
                "the sandbox does not read \(type) in protobuf; send application/json")
        }
        var object = JSONObject()
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            guard let name = numbers[number] else {
                if value.isVoid { continue }
                throw .unsupportedMediaType(
                    "the sandbox does not read field \(number) of \(type) in protobuf; send"
                        + " application/json")
            }
            if name.hasPrefix("@") {
                guard case .bytes(let inside) = value else { throw broken("\(type) \(number)") }
                let inlined = try message(
                    inside, schema, String(name.dropFirst()), depth: depth + 1)
                for member in inlined.members { object[member.key] = member.value }
            } else if let below = schema.member(name) {
                try add(value, name, below, to: &object, depth: depth + 1)
            }
        }
        return object
    }

    private static func add(
        _ value: ProtobufReader.Value, _ name: String, _ schema: FieldSchema,
        to object: inout JSONObject, depth: Int
    ) throws(StatusError) {
        switch schema.form {
        case .array:
            var elements = object[name]?.array ?? []
            elements.append(try single(value, name, schema.items ?? .anything, depth))
            object[name] = .array(elements)
        case .object where schema.additional != nil:
            guard case .bytes(let bytes) = value, let additional = schema.additional else {
                throw broken(name)
            }
            var map = object[name]?.object ?? JSONObject()
            let (key, found) = try entry(bytes, name, additional, depth)
            map[key] = found
            object[name] = .object(map)
        default:
            let found = try single(value, name, schema, depth)
            if !isVoid(found, name, schema) { object[name] = found }
        }
    }

    /// Nothing but zeros and empty texts, however deep.
    private static func isHollow(_ bytes: ArraySlice<UInt8>, depth: Int) -> Bool {
        guard depth < maxDepth else { return false }
        var reader = ProtobufReader(bytes)
        do throws(StatusError) {
            while let (_, value) = try reader.next() {
                switch value {
                case .varint(let number): if number != 0 { return false }
                case .bytes(let inside): if !isHollow(inside, depth: depth + 1) { return false }
                case .fixed: return false
                }
            }
            return true
        } catch {
            return false
        }
    }

    /// Go's clients send fields that are no pointers even if they say nothing.
    private static func isVoid(_ value: JSONValue, _ name: String, _ schema: FieldSchema) -> Bool {
        switch value {
        case .string(let text): text.isEmpty
        case .integer(0): name == "targetPort" || schema.form == .integer && !zeroes.contains(name)
        case .bool(false): !flags.contains(name)
        case .null: true
        case .object(let object): object.isEmpty && schema.typeName == "LabelSelector"
        default: false
        }
    }

    private static func entry(
        _ bytes: ArraySlice<UInt8>, _ name: String, _ schema: FieldSchema, _ depth: Int
    ) throws(StatusError) -> (String, JSONValue) {
        var reader = ProtobufReader(bytes)
        var key = ""
        var found: JSONValue = ""
        while let (number, value) = try reader.next() {
            if number == 1, case .bytes(let text) = value {
                key = String(decoding: text, as: UTF8.self)
            } else if number == 2 {
                found = try single(value, schema.form == .intOrString ? "*" : name, schema, depth)
            }
        }
        return (key, found)
    }

    private static func single(
        _ value: ProtobufReader.Value, _ name: String, _ schema: FieldSchema, _ depth: Int
    ) throws(StatusError) -> JSONValue {
        switch (schema.form, value) {
        case (.string, .bytes(let bytes)):
            switch schema.limits.format {
            case "date-time": return try time(bytes, isPrecise: precise.contains(name))
            case "byte": return .string(Base64.encode(Array(bytes)))
            default: return .string(String(decoding: bytes, as: UTF8.self))
            }
        case (.integer, .varint(let number)): return .integer(Int64(bitPattern: number))
        case (.boolean, .varint(let number)): return .bool(number != 0)
        case (.intOrString, .bytes(let bytes)):
            return try quantities.contains(name) ? quantity(bytes) : port(bytes)
        case (.object, .bytes(let bytes)):
            return .object(try message(bytes, schema, schema.typeName, depth: depth + 1))
        case (.any, .bytes(let bytes)):
            guard isHollow(bytes, depth: depth) else {
                throw .unsupportedMediaType(
                    "the sandbox does not read \(name) in protobuf; send application/json")
            }
            return .object(JSONObject())
        default: throw broken("\(name) is of another type")
        }
    }

    /// Numbers of which zero is not the same as nothing.
    private static let zeroes: Set<String> = [
        "replicas", "backoffLimit", "parallelism", "completions", "terminationGracePeriodSeconds",
        "gracePeriodSeconds", "activeDeadlineSeconds", "ttlSecondsAfterFinished",
        "revisionHistoryLimit", "progressDeadlineSeconds", "successfulJobsHistoryLimit",
        "failedJobsHistoryLimit", "startingDeadlineSeconds", "runAsUser", "runAsGroup", "fsGroup",
        "defaultMode", "mode", "tolerationSeconds", "priority", "expirationSeconds", "value",
    ]
    /// Flags of which false is not the same as nothing.
    private static let flags: Set<String> = [
        "automountServiceAccountToken", "enableServiceLinks", "suspend", "runAsNonRoot",
        "allowPrivilegeEscalation", "readOnlyRootFilesystem", "privileged", "optional",
        "immutable", "controller", "blockOwnerDeletion", "manualSelector",
        "shareProcessNamespace", "allocateLoadBalancerNodePorts", "hostUsers",
    ]
    private static let precise: Set<String> = ["acquireTime", "renewTime"]
    /// Amounts; every other number-or-text is a port or a share.
    private static let quantities: Set<String> = ["*", "divisor", "sizeLimit"]

    private static func time(
        _ bytes: ArraySlice<UInt8>, isPrecise: Bool
    ) throws(StatusError) -> JSONValue {
        var reader = ProtobufReader(bytes)
        var seconds: Int64 = 0
        var nanos: Int64 = 0
        while let (number, value) = try reader.next() {
            guard case .varint(let raw) = value else { continue }
            if number == 1 { seconds = Int64(bitPattern: raw) }
            if number == 2 { nanos = Int64(bitPattern: raw) }
        }
        // The zero time of Go is absence.
        if bytes.isEmpty || seconds < -9_000_000_000 || seconds > 9_000_000_000 { return .null }
        let total = seconds &* 1_000_000_000 &+ nanos
        return .string(isPrecise ? KubeTime.microseconds(total) : KubeTime.seconds(total))
    }

    private static func quantity(_ bytes: ArraySlice<UInt8>) throws(StatusError) -> JSONValue {
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            if number == 1, case .bytes(let text) = value {
                return .string(String(decoding: text, as: UTF8.self))
            }
        }
        return "0"
    }

    private static func port(_ bytes: ArraySlice<UInt8>) throws(StatusError) -> JSONValue {
        var reader = ProtobufReader(bytes)
        var isText = false
        var number: Int64 = 0
        var text = ""
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .varint(let type)): isText = type == 1
            case (2, .varint(let raw)): number = Int64(bitPattern: raw)
            case (3, .bytes(let raw)): text = String(decoding: raw, as: UTF8.self)
            default: break
            }
        }
        return isText ? .string(text) : .integer(number)
    }
}

/// Fields of a protobuf message, one after another.
struct ProtobufReader {
    enum Value: Equatable {
        case varint(UInt64)
        case bytes(ArraySlice<UInt8>)
        case fixed

        /// Says nothing.
        var isVoid: Bool {
            switch self {
            case .varint(let number): number == 0
            case .bytes(let bytes): bytes.isEmpty
            case .fixed: false
            }
        }
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() throws(StatusError) -> (UInt64, Value)? {
        if rest.isEmpty { return nil }
        let tag = try varint()
        switch tag & 7 {
        case 0: return (tag >> 3, .varint(try varint()))
        case 1: return (tag >> 3, try skip(8))
        case 2:
            let count = try varint()
            guard count <= UInt64(rest.count) else {
                throw ProtobufBody.broken("a field is longer than its message")
            }
            let bytes = rest.prefix(Int(count))
            rest = rest.dropFirst(Int(count))
            return (tag >> 3, .bytes(bytes))
        case 5: return (tag >> 3, try skip(4))
        default: throw ProtobufBody.broken("unknown wire type")
        }
    }

    private mutating func skip(_ count: Int) throws(StatusError) -> Value {
        guard rest.count >= count else { throw ProtobufBody.broken("it ends early") }
        rest = rest.dropFirst(count)
        return .fixed
    }

    private mutating func varint() throws(StatusError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst(), shift < 64 {
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw ProtobufBody.broken("a number does not end")
    }
}
