// SPDX-License-Identifier: Apache-2.0

/// What walks over a message's fields. Each call names the field by number and protobuf name.
///
/// A value at its default is not written, except with `always` (proto2's habit).
package protocol FieldVisitor {
    associatedtype Failure: Error

    mutating func int64(
        _ number: Int, _ name: StaticString, _ value: inout Int64, always: Bool
    ) throws(Failure)
    mutating func uint64(
        _ number: Int, _ name: StaticString, _ value: inout UInt64, always: Bool
    ) throws(Failure)
    mutating func uint32(
        _ number: Int, _ name: StaticString, _ value: inout UInt32
    ) throws(Failure)
    mutating func bool(
        _ number: Int, _ name: StaticString, _ value: inout Bool, always: Bool
    ) throws(Failure)
    mutating func string(
        _ number: Int, _ name: StaticString, _ value: inout String, always: Bool
    ) throws(Failure)
    mutating func bytes(
        _ number: Int, _ name: StaticString, _ value: inout [UInt8]
    ) throws(Failure)
    mutating func enumeration<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout E
    ) throws(Failure)

    // Fields that tell absent from default: alternatives of a oneof, and proto2's nullable ones.
    mutating func optional(
        _ number: Int, _ name: StaticString, _ value: inout Int64?
    ) throws(Failure)
    mutating func optional(
        _ number: Int, _ name: StaticString, _ value: inout Bool?
    ) throws(Failure)
    mutating func optional(
        _ number: Int, _ name: StaticString, _ value: inout [UInt8]?
    ) throws(Failure)

    mutating func stringList(
        _ number: Int, _ name: StaticString, _ value: inout [String]
    ) throws(Failure)
    mutating func bytesList(
        _ number: Int, _ name: StaticString, _ value: inout [[UInt8]]
    ) throws(Failure)
    mutating func enumerationList<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout [E]
    ) throws(Failure)

    mutating func message<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout M?
    ) throws(Failure)
    mutating func messages<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout [M]
    ) throws(Failure)

    /// A message that is one alternative of the oneof `choice`: `wrap` makes the alternative,
    /// `unwrap` gives its message if it is the one held.
    mutating func choice<Choice, M: WireMessage>(
        _ number: Int, _ name: StaticString, _ choice: inout Choice, _ wrap: (M) -> Choice,
        _ unwrap: (Choice) -> M?
    ) throws(Failure)
}

extension FieldVisitor {
    mutating func int64(
        _ number: Int, _ name: StaticString, _ value: inout Int64
    ) throws(Failure) {
        try int64(number, name, &value, always: false)
    }

    mutating func uint64(
        _ number: Int, _ name: StaticString, _ value: inout UInt64
    ) throws(Failure) {
        try uint64(number, name, &value, always: false)
    }

    mutating func bool(
        _ number: Int, _ name: StaticString, _ value: inout Bool
    ) throws(Failure) {
        try bool(number, name, &value, always: false)
    }

    mutating func string(
        _ number: Int, _ name: StaticString, _ value: inout String
    ) throws(Failure) {
        try string(number, name, &value, always: false)
    }
}
