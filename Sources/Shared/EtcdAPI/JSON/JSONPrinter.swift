// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Writes a message as a JSON object, defaults left out.
struct JSONPrinter: FieldVisitor {
    typealias Failure = Never

    private(set) var output: [UInt8]
    private var isFirst = true

    static func append(_ message: some WireMessage, to output: inout [UInt8]) {
        var printer = JSONPrinter(output: [])
        swap(&printer.output, &output)
        printer.object(message)
        swap(&printer.output, &output)
    }

    private init(output: [UInt8]) {
        self.output = output
    }

    private mutating func object(_ message: some WireMessage) {
        let outer = isFirst
        isFirst = true
        output.append(0x7b)
        var walked = message
        walked.fields(&self)
        output.append(0x7d)
        isFirst = outer
    }

    // MARK: Pieces

    private mutating func key(_ name: StaticString) {
        if !isFirst { output.append(0x2c) }
        isFirst = false
        output.append(0x22)
        text("\(name)")
        output.append(0x22)
        output.append(0x3a)
    }

    private mutating func text(_ text: String) {
        output.append(contentsOf: text.utf8)
    }

    /// JSON's numbers are doubles to many; 64 bits need quotes.
    private mutating func wide(_ number: some FixedWidthInteger) {
        text("\"\(number)\"")
    }

    private mutating func name<E: WireEnum>(of value: E) {
        if let name = value.name { text("\"\(name)\"") } else { text("\(value.number)") }
    }

    private mutating func list<Element>(
        _ name: StaticString, _ elements: [Element], _ write: (inout Self, Element) -> Void
    ) {
        if elements.isEmpty { return }
        key(name)
        output.append(0x5b)
        for (index, element) in elements.enumerated() {
            if index > 0 { output.append(0x2c) }
            write(&self, element)
        }
        output.append(0x5d)
    }

    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private mutating func base64(_ bytes: [UInt8]) {
        let letters = JSONPrinter.letters
        output.reserveCapacity(output.count + (bytes.count + 2) / 3 * 4 + 2)
        output.append(0x22)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var bits = UInt32(bytes[index]) << 16
            if count > 1 { bits |= UInt32(bytes[index + 1]) << 8 }
            if count > 2 { bits |= UInt32(bytes[index + 2]) }
            output.append(letters[Int(bits >> 18)])
            output.append(letters[Int(bits >> 12 & 63)])
            output.append(count > 1 ? letters[Int(bits >> 6 & 63)] : 0x3d)
            output.append(count > 2 ? letters[Int(bits & 63)] : 0x3d)
            index += 3
        }
        output.append(0x22)
    }

    // MARK: Fields

    mutating func int64(
        _ number: Int, _ name: StaticString, _ value: inout Int64, always: Bool
    ) {
        if value == 0 { return }
        key(name)
        wide(value)
    }

    mutating func uint64(
        _ number: Int, _ name: StaticString, _ value: inout UInt64, always: Bool
    ) {
        if value == 0 { return }
        key(name)
        wide(value)
    }

    mutating func uint32(_ number: Int, _ name: StaticString, _ value: inout UInt32) {
        if value == 0 { return }
        key(name)
        text("\(value)")
    }

    mutating func bool(_ number: Int, _ name: StaticString, _ value: inout Bool, always: Bool) {
        if !value { return }
        key(name)
        text("true")
    }

    mutating func string(
        _ number: Int, _ name: StaticString, _ value: inout String, always: Bool
    ) {
        if value.isEmpty { return }
        key(name)
        JSON.append(string: value, to: &output)
    }

    mutating func bytes(_ number: Int, _ name: StaticString, _ value: inout [UInt8]) {
        if value.isEmpty { return }
        key(name)
        base64(value)
    }

    mutating func enumeration<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout E
    ) {
        if value.number == 0 { return }
        key(name)
        self.name(of: value)
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout Int64?) {
        guard let value else { return }
        key(name)
        wide(value)
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout Bool?) {
        guard let value else { return }
        key(name)
        text(value ? "true" : "false")
    }

    mutating func optional(_ number: Int, _ name: StaticString, _ value: inout [UInt8]?) {
        guard let value else { return }
        key(name)
        base64(value)
    }

    mutating func stringList(_ number: Int, _ name: StaticString, _ value: inout [String]) {
        list(name, value) { JSON.append(string: $1, to: &$0.output) }
    }

    mutating func bytesList(_ number: Int, _ name: StaticString, _ value: inout [[UInt8]]) {
        list(name, value) { $0.base64($1) }
    }

    mutating func enumerationList<E: WireEnum>(
        _ number: Int, _ name: StaticString, _ value: inout [E]
    ) {
        list(name, value) { $0.name(of: $1) }
    }

    mutating func message<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout M?
    ) {
        guard let value else { return }
        key(name)
        object(value)
    }

    mutating func messages<M: WireMessage>(
        _ number: Int, _ name: StaticString, _ value: inout [M]
    ) {
        list(name, value) { $0.object($1) }
    }

    mutating func choice<Choice, M: WireMessage>(
        _ number: Int, _ name: StaticString, _ choice: inout Choice, _ wrap: (M) -> Choice,
        _ unwrap: (Choice) -> M?
    ) {
        guard let held = unwrap(choice) else { return }
        key(name)
        object(held)
    }
}
