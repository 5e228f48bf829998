// SPDX-License-Identifier: Apache-2.0
import Bytes

@testable import EtcdAPI

/// A visitor that puts random content into every field it is shown.
struct RandomFiller: FieldVisitor {
    typealias Failure = Never

    var random: Random
    var depth = 0

    static func message<M: WireMessage>(_ type: M.Type = M.self, seed: UInt64) -> M {
        var filler = RandomFiller(random: Random(seed: seed))
        var message = M()
        message.fields(&filler)
        return message
    }

    private mutating func number() -> UInt64 {
        switch random.below(5) {
        case 0: 0
        case 1: UInt64(random.below(200))
        case 2: UInt64.max
        case 3: UInt64(1) << UInt64(random.below(64))
        default: random.next()
        }
    }

    private mutating func content() -> [UInt8] {
        random.bytes(random.chance(percent: 5) ? 200 : random.below(6))
    }

    private mutating func text() -> String {
        let parts = ["", "a", "key", "é", "\u{10FFFF}", "http://127.0.0.1:2379", "\0", "\n"]
        return (0..<random.below(4)).map { _ in parts[random.below(parts.count)] }.joined()
    }

    mutating func int64(
        _ number: Int, _ name: StaticString, _ value: inout Int64, always: Bool
    ) { value = Int64(bitPattern: self.number()) }

    mutating func uint64(
        _ number: Int, _ name: StaticString, _ value: inout UInt64, always: Bool
    ) { value = self.number() }

    mutating func uint32(_ number: Int, _ name: StaticString, _ value: inout UInt32) {
        value = UInt32(truncatingIfNeeded: self.number())
    }

    mutating func bool(_ number: Int, _ name: StaticString, _ value: inout Bool, always: Bool) {
        value = random.chance(percent: 50)
    }

    mutating func string(
        _ number: Int, _ name: StaticString, _ value: inout String, always: Bool
    ) { value = text() }

    mutating func bytes(_ number: Int, _ name: StaticString, _ value: inout [UInt8]) {
        value = content()
    }

    mutating func enumeration<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout E
    ) { value = anyValue() }

    private mutating func anyValue<E: WireEnum>() -> E {
        E(number: Int32(random.below(8) - 1))
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout Int64?) {
        value = random.chance(percent: 50) ? Int64(bitPattern: self.number()) : nil
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout Bool?) {
        value = random.chance(percent: 50) ? random.chance(percent: 50) : nil
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout [UInt8]?) {
        value = random.chance(percent: 50) ? content() : nil
    }

    mutating func stringList(_ number: Int, _ name: StaticString, _ value: inout [String]) {
        for _ in 0..<random.below(4) { value.append(text()) }
    }

    mutating func bytesList(_ number: Int, _ name: StaticString, _ value: inout [[UInt8]]) {
        for _ in 0..<random.below(4) { value.append(content()) }
    }

    mutating func enumerationList<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout [E]
    ) {
        for _ in 0..<random.below(4) { value.append(anyValue()) }
    }

    mutating func message<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout M?
    ) {
        value = random.chance(percent: 70) ? nested() : nil
    }

    mutating func messages<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout [M]
    ) {
        guard depth < 5 else { return }
        for _ in 0..<random.below(4) { value.append(nested()) }
    }

    mutating func choice<Choice, M: WireMessage>(
        _ number: Int, _ name: StaticString, _ choice: inout Choice, _ wrap: (M) -> Choice,
        _ unwrap: (Choice) -> M?
    ) {
        if random.chance(percent: 40) { choice = wrap(nested()) }
    }

    private mutating func nested<M: WireMessage>() -> M {
        depth += 1
        var message = M()
        message.fields(&self)
        depth -= 1
        return message
    }
}
