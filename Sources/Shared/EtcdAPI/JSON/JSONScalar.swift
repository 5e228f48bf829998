// SPDX-License-Identifier: Apache-2.0

/// Single values as protobuf's JSON mapping spells them. Null inside a list is the default.
enum JSONScalar {
    static func bool(_ node: JSONNode) throws(JSONFailure) -> Bool {
        switch node {
        case .null: return false
        case .bool(let value): return value
        case .number, .string, .array, .object: throw JSONReader.cannot(node, "bool")
        }
    }

    static func string(_ node: JSONNode) throws(JSONFailure) -> String {
        switch node {
        case .null: return ""
        case .string(let raw): return JSONText.unescaped(raw)
        case .bool, .number, .array, .object: throw JSONReader.cannot(node, "string")
        }
    }

    // MARK: Numbers

    /// As a number, or as a string that holds one.
    static func integer<I: FixedWidthInteger>(
        _ node: JSONNode, _ type: String
    ) throws(JSONFailure) -> I {
        switch node {
        case .null: return 0
        case .number(let text):
            guard let value: I = integer(text) else { throw JSONReader.cannot(node, type) }
            return value
        case .string(let raw):
            let inner = try JSONStream.whole(Array(raw))
            if case .string = inner { throw JSONReader.cannot(inner, type) }
            return try integer(inner, type)
        case .bool, .array, .object: throw JSONReader.cannot(node, type)
        }
    }

    /// Whole numbers may be written with a fraction or an exponent, too.
    private static func integer<I: FixedWidthInteger>(_ text: ArraySlice<UInt8>) -> I? {
        let digits = String(decoding: text, as: UTF8.self)
        if let value = I(digits) { return value }
        guard text.contains(where: { $0 == 0x2e || $0 | 0x20 == 0x65 }), text.count <= 32,
            let number = Double(digits)
        else { return nil }
        return I(exactly: number)
    }

    // MARK: Enumerations

    static func enumeration<E: WireEnum>(_ node: JSONNode) throws(JSONFailure) -> E {
        switch node {
        case .null: return E(number: 0)
        case .string(let raw):
            let name = String(decoding: raw, as: UTF8.self)
            guard let value = E(name: name) else {
                throw JSONFailure(
                    "unknown value \(quoted("\"\(name)\"")) for enum \(fullName(of: E.self))")
            }
            return value
        case .number(let text):
            guard let value: Int32 = integer(text) else {
                throw JSONReader.cannot(node, "protoreflect.EnumNumber")
            }
            return E(number: value)
        case .bool, .array, .object: throw JSONReader.cannot(node, "protoreflect.EnumNumber")
        }
    }

    /// Of the enumerations that stand in requests.
    private static func fullName(of type: any WireEnum.Type) -> String {
        let names: [(any WireEnum.Type, String)] = [
            (RangeRequest.SortOrder.self, "etcdserverpb.RangeRequest.SortOrder"),
            (RangeRequest.SortTarget.self, "etcdserverpb.RangeRequest.SortTarget"),
            (Compare.CompareResult.self, "etcdserverpb.Compare.CompareResult"),
            (Compare.CompareTarget.self, "etcdserverpb.Compare.CompareTarget"),
            (WatchCreateRequest.FilterType.self, "etcdserverpb.WatchCreateRequest.FilterType"),
            (AlarmType.self, "etcdserverpb.AlarmType"),
            (AlarmRequest.AlarmAction.self, "etcdserverpb.AlarmRequest.AlarmAction"),
            (
                DowngradeRequest.DowngradeAction.self,
                "etcdserverpb.DowngradeRequest.DowngradeAction"
            ),
            (Permission.PermissionType.self, "authpb.Permission.Type"),
        ]
        return names.first { $0.0 == type }?.1 ?? "\(type)"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    // MARK: Bytes

    /// Base64 of either alphabet, padded or not; or, as Go has it, an array of small numbers.
    static func bytes(_ node: JSONNode) throws(JSONFailure) -> [UInt8] {
        switch node {
        case .null: return []
        case .string(let raw):
            let text = JSONRun.isPlain(raw) ? raw : Array(JSONText.unescaped(raw).utf8)[...]
            return try base64(text)
        case .array(let elements):
            var bytes: [UInt8] = []
            bytes.reserveCapacity(elements.count)
            for element in elements {
                if case .string = element { throw JSONReader.cannot(element, "uint8") }
                bytes.append(try integer(element, "uint8"))
            }
            return bytes
        case .bool, .number, .object: throw JSONReader.cannot(node, "[]uint8")
        }
    }

    /// Errors name the place that Go's decoder of padded base64 would.
    private static func base64(_ text: ArraySlice<UInt8>) throws(JSONFailure) -> [UInt8] {
        var output = wholeGroups(text)
        var (bits, held): (UInt32, Int) = (0, 0)
        var index = text.startIndex + output.count / 3 * 4
        while index < text.endIndex, text[index] != 0x3d {
            let byte = text[index]
            index += 1
            if byte == 0x0a || byte == 0x0d { continue }
            guard let value = value(of: byte) else { throw corrupt(index - 1 - text.startIndex) }
            bits = bits << 6 | value
            held += 1
            if held == 4 {
                output.append(UInt8(truncatingIfNeeded: bits >> 16))
                output.append(UInt8(truncatingIfNeeded: bits >> 8))
                output.append(UInt8(truncatingIfNeeded: bits))
                (bits, held) = (0, 0)
            }
        }
        try checkPadding(text, index, held)
        if held == 2 { output.append(UInt8(truncatingIfNeeded: bits >> 4)) }
        if held == 3 {
            output.append(UInt8(truncatingIfNeeded: bits >> 10))
            output.append(UInt8(truncatingIfNeeded: bits >> 2))
        }
        return output
    }

    /// The bytes of the groups of four letters that the text begins with, up to the first group that
    /// holds anything else. There is room for one group more.
    private static func wholeGroups(_ text: ArraySlice<UInt8>) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 3) { output, count in
            unsafe text.withUnsafeBufferPointer { letters in
                unsafe values.withUnsafeBufferPointer { values in
                    var index = 0
                    while index + 4 <= letters.count {
                        let first = unsafe values[Int(letters[index])]
                        let second = unsafe values[Int(letters[index + 1])]
                        let third = unsafe values[Int(letters[index + 2])]
                        let fourth = unsafe values[Int(letters[index + 3])]
                        if first | second | third | fourth > 63 { return }
                        let bits = first << 18 | second << 12 | third << 6 | fourth
                        unsafe output[count] = UInt8(truncatingIfNeeded: bits >> 16)
                        unsafe output[count + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                        unsafe output[count + 2] = UInt8(truncatingIfNeeded: bits)
                        index += 4
                        count += 3
                    }
                }
            }
        }
    }

    /// By byte; above 63 for what is no letter.
    private static let values = (0...UInt8.max).map { value(of: $0) ?? 64 }

    private static func checkPadding(
        _ text: ArraySlice<UInt8>, _ index: Int, _ held: Int
    ) throws(JSONFailure) {
        let place = index - text.startIndex
        let rest = text[index...].filter { $0 != 0x0a && $0 != 0x0d }
        if rest.isEmpty {
            // Without padding: a lone letter holds no byte.
            if held == 1 { throw corrupt(place - held) }
            return
        }
        if held < 2 { throw corrupt(place) }
        let count = rest.prefix(4 - held).prefix { $0 == 0x3d }.count
        if count < 4 - held {
            throw corrupt(rest.count == count ? text.count : place + count - 1)
        }
        if rest.count > count { throw corrupt(place + count) }
    }

    private static func corrupt(_ place: Int) -> JSONFailure {
        JSONFailure("illegal base64 data at input byte \(place)")
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5a: UInt32(byte) - 0x41
        case 0x61...0x7a: UInt32(byte) - 0x61 + 26
        case 0x30...0x39: UInt32(byte) - 0x30 + 52
        case 0x2b, 0x2d: 62
        case 0x2f, 0x5f: 63
        default: nil
        }
    }
}
