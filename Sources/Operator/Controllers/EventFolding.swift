// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Formats
package import Kube

/// Events for people, attached to objects. What is said again within some minutes counts up on the
/// event that is there; who says too much about one object is cut short.
package struct EventFolding: Sendable {
    package enum Step: Equatable, Sendable {
        case create(KubeObject)
        /// A merge patch with the new count and time. If the event is gone, say `forget` and again.
        case patch(ObjectKey, JSONValue)
        case drop
    }

    private struct Subject: Hashable {
        var uid: String
        var reason: String
        var message: String
    }

    private struct Known {
        var key: ObjectKey
        var count: Int64
        var last: Instant
    }

    /// New events of one object beyond this wait for `refill`. A cluster that grows, rolls and
    /// shrinks within some minutes says about fifty different things, and none of them for nothing.
    package static let burst = 100
    package static let refill: Duration = .seconds(30)
    package static let foldsWithin: Duration = .seconds(600)
    private static let capacity = 4096

    private let component: String
    private let instance: String
    private var known: [Subject: Known] = [:]
    private var spent: [String: (count: Int, since: Instant)] = [:]

    /// `component` is the program, `instance` which one of them.
    package init(component: String, instance: String) {
        self.component = component
        self.instance = instance
    }

    /// `wall`: nanoseconds since 1970.
    package mutating func fold(
        about object: KubeObject, isWarning: Bool, reason: String, message: String, now: Instant,
        wall: Int64
    ) -> Step {
        forgetOld(now)
        // As the API bounds it.
        let message = String(message.prefix(1024))
        let subject = Subject(uid: object.uid, reason: reason, message: message)
        if var seen = known[subject] {
            seen.count += 1
            seen.last = now
            known[subject] = seen
            return .patch(
                seen.key,
                [
                    "count": .integer(seen.count),
                    "lastTimestamp": .string(KubeTime.seconds(wall)),
                ])
        }
        guard mayCreate(object.uid, now) else { return .drop }
        let event = event(about: object, isWarning, reason, message, wall)
        known[subject] = Known(key: event.key(as: .event), count: 1, last: now)
        return .create(event)
    }

    /// The event is no longer there, or was never made.
    package mutating func forget(_ key: ObjectKey) {
        known = known.filter { $0.value.key != key }
    }

    private mutating func mayCreate(_ uid: String, _ now: Instant) -> Bool {
        var account = spent[uid] ?? (0, now)
        let regained = Int((now - account.since) / Self.refill)
        if regained > 0 { account = (max(0, account.count - regained), now) }
        guard account.count < Self.burst else { return false }
        account.count += 1
        spent[uid] = account
        return true
    }

    private mutating func forgetOld(_ now: Instant) {
        known = known.filter { now - $0.value.last < Self.foldsWithin }
        if known.count >= Self.capacity { known = [:] }
        if spent.count >= Self.capacity { spent = [:] }
    }

    private func event(
        about object: KubeObject, _ isWarning: Bool, _ reason: String, _ message: String,
        _ wall: Int64
    ) -> KubeObject {
        let namespace = object.namespace.isEmpty ? "default" : object.namespace
        let name = "\(object.name).\(String(UInt64(bitPattern: wall), radix: 16))"
        var event = KubeObject(.event, namespace: namespace, name: name)
        let time = JSONValue.string(KubeTime.seconds(wall))
        event["involvedObject"] = .object([
            ("apiVersion", .string(object.apiVersion)), ("kind", .string(object.kind)),
            ("namespace", .string(object.namespace)), ("name", .string(object.name)),
            ("uid", .string(object.uid)), ("resourceVersion", .string(object.resourceVersion)),
        ])
        event["type"] = isWarning ? "Warning" : "Normal"
        event["reason"] = .string(reason)
        event["message"] = .string(message)
        event["count"] = 1
        event["firstTimestamp"] = time
        event["lastTimestamp"] = time
        event["source"] = .object([("component", .string(component))])
        event["reportingComponent"] = .string(component)
        event["reportingInstance"] = .string(instance)
        return event
    }
}
