// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// How much fits into a ConfigMap or a Secret.
enum DataLimits {
    /// Bytes of all values together, decoded.
    static let most = 1 << 20

    static func check(_ object: KubeObject, _ kind: ResourceKind, _ causes: inout Causes) {
        let isSecret = kind == .secret
        let size =
            sum(object["data"], isBase64: isSecret) + sum(object["binaryData"], isBase64: true)
        guard size > most else { return }
        causes.add(
            isSecret ? "data" : "[]", "FieldValueTooLong",
            "Too long: may not be more than \(most) bytes")
    }

    private static func sum(_ values: JSONValue?, isBase64: Bool) -> Int {
        (values?.object?.members ?? []).reduce(0) { sum, member in
            let text = (member.value.string ?? "").utf8
            return sum + (isBase64 ? decodedLength(text) : text.count)
        }
    }

    /// Four letters are three bytes, less one for each sign of padding.
    private static func decodedLength(_ text: String.UTF8View) -> Int {
        text.count / 4 * 3 - text.suffix(2).count { $0 == UInt8(ascii: "=") }
    }
}
