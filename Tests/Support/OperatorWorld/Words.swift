// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Kube
internal import Reconcile

// Steps and statuses in words, for stories and traces.
extension World {
    /// Which fields changed.
    static func difference(_ old: JSONValue?, _ new: JSONValue) -> String {
        let changed = (new.object?.members ?? []).filter { old?[$0.key] != $0.value }
        let gone = (old?.object?.keys ?? []).filter { new[$0] == nil }
        return changed.map {
            "\($0.key)=\($0.key == "conditions" ? lines($0.value, old) : JSON.text($0.value))"
        }
        .joined(separator: " ") + (gone.isEmpty ? "" : " without \(gone.joined(separator: ","))")
    }

    private static func lines(_ conditions: JSONValue, _ old: JSONValue?) -> String {
        let before = old?["conditions"]?.array ?? []
        return (conditions.array ?? []).filter { !before.contains($0) }
            .map { "\($0["type"]?.string ?? "")/\($0["reason"]?.string ?? "")" }
            .joined(separator: ",")
    }

    /// Tickets, labels, annotations; without versions and UIDs.
    private static func patched(_ patch: JSONValue) -> String {
        if let data = patch["data"]?.object {
            let tickets = data.members.map { member in
                let ticket = member.value.string.flatMap { try? JSON.parse($0) }
                return "\(member.key)=\(ticket?["action"]?.string ?? "none")"
            }
            return "tickets \(tickets.joined(separator: " "))"
        }
        var rest = patch
        if case .object(var object) = rest, var metadata = object["metadata"]?.object {
            metadata["uid"] = nil
            metadata["resourceVersion"] = nil
            object["metadata"] = .object(metadata)
            rest = .object(object)
        }
        return JSON.text(rest)
    }

    static func words(_ step: Step) -> String {
        switch step {
        case .create(let object): "create \(object.kind) \(object.name)"
        case .apply(let object):
            "apply \(object.kind) \(object.name)"
                + (object.kind == "StatefulSet"
                    ? " replicas \(object.int("spec", "replicas") ?? 0)" : "")
        case .patch(let key, let patch): "patch \(key) \(patched(patch))"
        case .delete(let key, let uid, _): "delete \(key) \(uid)"
        case .sendTicket(let pod, _, let ticket):
            "ticket \(pod) \(ticket["action"]?.string ?? "")"
        case .etcd(let call, let asking): "etcd \(call) by \(asking.pods.first ?? "nobody")"
        case .createToken(let object): "token \(object.name)"
        case .issueCertificates(let order): "certificate \(order.secret.name)"
        }
    }
}
