// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// What a pod may ask about itself: the downward API.
enum DownwardFields {
    /// Nil for a field that is not known here.
    static func field(_ path: String, of pod: KubeObject, address: String) -> String? {
        if let (name, key) = indexed(path) {
            return name == "metadata.labels" ? pod.labels[key] ?? "" : pod.annotations[key] ?? ""
        }
        return switch path {
        case "metadata.name": pod.name
        case "metadata.namespace": pod.namespace
        case "metadata.uid": pod.uid
        case "metadata.labels": lines(pod.labels)
        case "metadata.annotations": lines(pod.annotations)
        case "spec.nodeName": pod.string("spec", "nodeName") ?? ""
        case "spec.serviceAccountName": pod.string("spec", "serviceAccountName") ?? "default"
        case "status.podIP", "status.podIPs": address
        case "status.hostIP", "status.hostIPs": "127.0.0.1"
        default: nil
        }
    }

    /// `metadata.labels['key']`.
    private static func indexed(_ path: String) -> (String, String)? {
        for name in ["metadata.labels", "metadata.annotations"] {
            let head = name + "['"
            if path.hasPrefix(head), path.hasSuffix("']") {
                return (name, String(path.dropFirst(head.count).dropLast(2)))
            }
        }
        return nil
    }

    private static func lines(_ map: KubeMap) -> String {
        map.sorted.map { pair in
            var quoted: [UInt8] = []
            JSON.append(string: pair.value, to: &quoted, escapesHTML: false)
            return "\(pair.key)=\(String(decoding: quoted, as: UTF8.self))"
        }.joined(separator: "\n")
    }

    /// `limits.memory` and its like, in units of `divisor`; what is not limited is the machine's.
    static func resource(
        _ reference: JSONValue, of pod: KubeObject, container: String
    ) -> String? {
        let name = reference["containerName"]?.string ?? container
        let words = (reference["resource"]?.string ?? "").split(separator: ".", maxSplits: 1)
        guard words.count == 2 else { return nil }
        let found = pod.list("spec", "containers").first { $0["name"]?.string == name }
        let resources = found?["resources"]
        let value =
            resources?[String(words[0])]?[String(words[1])] ?? resources?["limits"]?[String(words[1])]
        let text = value?.string ?? value?.int64.map(String.init) ?? "0"
        let divisor = reference["divisor"]?.string.flatMap { Quantity($0) } ?? Quantity(1)
        guard let amount = Quantity(text), let divisor, divisor.thousandths > 0 else { return nil }
        let (quotient, rest) = amount.thousandths.quotientAndRemainder(
            dividingBy: divisor.thousandths)
        return "\(rest > 0 ? quotient + 1 : quotient)"
    }
}
