// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Writes of controllers. What the API refuses is left for the next pass, as real controllers do
/// with conflicts; what is refused for good is a note of the object's own (`EventNotes`).
extension ObjectAccess {
    /// Nil if it is there already or was refused.
    @discardableResult
    mutating func make(_ object: KubeObject, _ changes: inout Changes) -> KubeObject? {
        do throws(StatusError) {
            let made = try create(object)
            changes.count += 1
            return made
        } catch {
            return nil
        }
    }

    @discardableResult
    mutating func put(
        _ object: KubeObject, over old: KubeObject, _ changes: inout Changes
    ) -> KubeObject {
        write(object, over: old, &changes) { (access, object) throws(StatusError) in
            try access.update(object)
        }
    }

    @discardableResult
    mutating func putStatus(
        _ object: KubeObject, over old: KubeObject, _ changes: inout Changes
    ) -> KubeObject {
        write(object, over: old, &changes) { (access, object) throws(StatusError) in
            try access.updateStatus(object)
        }
    }

    /// The object as it now is. A write that says what stands there already is none.
    private mutating func write(
        _ object: KubeObject, over old: KubeObject, _ changes: inout Changes,
        _ verb: (inout Self, KubeObject) throws(StatusError) -> KubeObject
    ) -> KubeObject {
        if object.isSame(as: old) { return old }
        do throws(StatusError) {
            let stored = try verb(&self, object)
            if stored.resourceVersion != old.resourceVersion { changes.count += 1 }
            return stored
        } catch {
            return old
        }
    }

    /// Only this very object, not one that has taken its name.
    mutating func remove(
        _ object: KubeObject, _ kind: ResourceKind, grace: Int? = nil, _ changes: inout Changes
    ) {
        do throws(StatusError) {
            try delete(
                object.key(as: kind),
                DeleteOptions(
                    gracePeriodSeconds: grace, propagationPolicy: "Background", uid: object.uid))
            changes.count += 1
        } catch {
            return
        }
    }

    /// What belongs to `owner` as its controller, by name.
    func owned(_ kind: ResourceKind, by owner: KubeObject) -> [KubeObject] {
        list(kind, namespace: owner.namespace).filter { $0.controller?.uid == owner.uid }
    }

    var unixSeconds: Int64 { unixNanoseconds / 1_000_000_000 }
}

extension KubeObject {
    var isReadyPod: Bool { condition("Ready")?.isTrue ?? false }
    var podPhase: String { string("status", "phase") ?? "Pending" }
    var hasEnded: Bool { podPhase == "Succeeded" || podPhase == "Failed" }
    /// Neither ended nor on its way out.
    var isActivePod: Bool { !hasEnded && !isBeingDeleted }

    /// The time of the last change moves only with the status. Conditions of the newer kinds have a
    /// message even if it is empty; in others no message stands for an empty one.
    mutating func set(
        condition type: String, _ status: String, reason: String = "", message: String? = nil,
        at timestamp: String
    ) {
        var list = list("status", "conditions")
        let index = list.firstIndex { $0["type"]?.string == type }
        let before = index.map { list[$0] }
        var members: [(String, JSONValue)] = [("type", .string(type)), ("status", .string(status))]
        let since =
            before?["status"]?.string == status
            ? before?["lastTransitionTime"]?.string : nil
        members.append(("lastTransitionTime", .string(since ?? timestamp)))
        if !reason.isEmpty { members.append(("reason", .string(reason))) }
        if let message { members.append(("message", .string(message))) }
        if let index {
            list[index] = .object(members)
        } else {
            list.append(.object(members))
        }
        self["status", "conditions"] = .array(list)
    }
}

/// A pod made of a template. `owner` becomes its controller.
func pod(of template: JSONValue?, owner: KubeObject) -> KubeObject {
    var pod = KubeObject(JSONObject())
    pod.apiVersion = "v1"
    pod.kind = "Pod"
    pod.namespace = owner.namespace
    pod.labels = KubeMap(template?["metadata"]?["labels"])
    pod.annotations = KubeMap(template?["metadata"]?["annotations"])
    pod.finalizers = (template?["metadata"]?["finalizers"]?.array ?? [])
        .compactMap(\.string)
    pod["spec"] = template?["spec"] ?? .object(JSONObject())
    pod.ownerReferences = [OwnerReference(to: owner)]
    return pod
}

/// A short name for what a value says: equal values have equal names, wherever they were written.
func hashName(of value: JSONValue) -> String {
    var hash: UInt32 = 0x811c_9dc5
    let text = JSON.bytes(value, style: JSON.Style(escapesHTML: false, sortsKeys: true))
    for byte in text { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
    // Digits as Kubernetes has them: no vowels, nothing that looks like another.
    let letters = Array("bcdfghjklmnpqrstvwxz2456789")
    var name = ""
    for _ in 0..<7 {
        name.append(letters[Int(hash % UInt32(letters.count))])
        hash /= UInt32(letters.count)
    }
    return name
}

/// An amount that is a number, or a share of `total`.
func amount(_ value: JSONValue?, of total: Int, roundsUp: Bool) -> Int? {
    if let number = value?.int64 { return Int(clamping: max(0, number)) }
    guard let text = value?.string, text.hasSuffix("%"), let share = Int(text.dropLast()),
        (0...10_000).contains(share), (0...1_000_000).contains(total)
    else { return nil }
    return roundsUp ? (total * share + 99) / 100 : total * share / 100
}
