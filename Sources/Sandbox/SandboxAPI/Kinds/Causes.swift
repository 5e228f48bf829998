// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Faults of one object, in an API server's words.
struct Causes {
    private(set) var causes: [StatusCause] = []

    mutating func required(_ field: String, _ text: String = "") {
        add(field, "FieldValueRequired", "Required value" + (text.isEmpty ? "" : ": \(text)"))
    }

    mutating func invalid(_ field: String, _ value: JSONValue, _ text: String) {
        let shown = JSON.text(value, style: JSON.Style(escapesHTML: false))
        add(field, "FieldValueInvalid", "Invalid value: \(shown): \(text)")
    }

    mutating func forbidden(_ field: String, _ text: String) {
        add(field, "FieldValueForbidden", "Forbidden: \(text)")
    }

    mutating func duplicate(_ field: String, _ value: JSONValue) {
        add(field, "FieldValueDuplicate", "Duplicate value: \(value)")
    }

    mutating func notFound(_ field: String, _ value: JSONValue) {
        add(field, "FieldValueNotFound", "Not found: \(value)")
    }

    mutating func notSupported(_ field: String, _ value: JSONValue, _ choices: [String]) {
        let shown = choices.map { "\"\($0)\"" }.joined(separator: ", ")
        add(
            field, "FieldValueNotSupported",
            "Unsupported value: \(value): supported values: \(shown)")
    }

    mutating func immutable(_ field: String, _ value: JSONValue?) {
        invalid(field, value ?? .null, "field is immutable")
    }

    mutating func add(_ field: String, _ reason: String, _ message: String) {
        guard causes.count < FieldCheck.maxCauses else { return }
        causes.append(StatusCause(field: field, reason: reason, message: message))
    }

    mutating func add(_ others: [StatusCause]) {
        for cause in others { add(cause.field, cause.reason, cause.message) }
    }
}

/// How names are spelt.
enum Names {
    static let subdomainRule =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
        + " '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex"
        + " used for validation is"
        + " '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    static let labelRule =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and"
        + " must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex"
        + " used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    static let serviceRule =
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an"
        + " alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or"
        + " 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"

    static func isLabel(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 63 else {
            return false
        }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    static func isSubdomain(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 253
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
                isLabel(String(part.prefix(63))) && !part.isEmpty
            }
    }

    static func isServiceName(_ text: String) -> Bool {
        isLabel(text) && !(text.utf8.first.map { $0 < UInt8(ascii: "a") } ?? true)
    }

    /// `example.com/name` or `name`: keys of labels and annotations.
    static func isQualified(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let name = parts.last, isLabelValue(name), !name.isEmpty else {
            return false
        }
        return parts.count == 1 || isSubdomain(parts[0])
    }

    static func isLabelValue(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last else { return true }
        func isOuter(_ byte: UInt8) -> Bool {
            isAlphanumeric(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        }
        return bytes.count <= 63 && isOuter(first) && isOuter(last)
            && bytes.allSatisfy { isOuter($0) || [0x2d, 0x5f, 0x2e].contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
