// SPDX-License-Identifier: Apache-2.0
package import Kube
internal import Formats

/// Events about objects, as `kubectl describe` shows them. What is said again is counted.
package enum EventNotes {
    /// Of one object; the oldest make room.
    private static let perObject = 50

    package static func add(
        _ api: inout some ObjectAccess, about object: KubeObject, isWarning: Bool = false,
        _ reason: String, _ message: String, by component: String
    ) {
        let namespace = object.namespace.isEmpty ? "default" : object.namespace
        let known = api.list(.event, namespace: namespace).filter {
            $0.string("involvedObject", "uid") == object.uid
        }
        let same = known.first {
            $0.string("reason") == reason && $0.string("message") == message
                && $0.string("source", "component") == component
        }
        if var event = same {
            event["count"] = .integer(Int64(clamping: (event.int("count") ?? 1) &+ 1))
            event["lastTimestamp"] = .string(api.timestamp)
            do throws(StatusError) { try api.update(event) } catch { return }
            return
        }
        if known.count >= perObject, let oldest = known.min(by: { age($0) < age($1) }) {
            do throws(StatusError) {
                try api.delete(oldest.key(as: .event), DeleteOptions(uid: oldest.uid))
            } catch {
                // It has gone by itself.
            }
        }
        let event = make(
            about: object, namespace, isWarning, reason, message, component, number: known.count,
            at: api.timestamp, api.unixNanoseconds)
        do throws(StatusError) { try api.create(event) } catch { return }
    }

    private static func age(_ event: KubeObject) -> String { event.string("lastTimestamp") ?? "" }

    private static func make(
        about object: KubeObject, _ namespace: String, _ isWarning: Bool, _ reason: String,
        _ message: String, _ component: String, number: Int, at timestamp: String,
        _ unixNanoseconds: Int64
    ) -> KubeObject {
        let serial = String(UInt64(bitPattern: unixNanoseconds &+ Int64(number)), radix: 16)
        var event = KubeObject(
            .event, namespace: namespace,
            name: "\(object.name).\(serial)\(hashName(of: .string(reason + message)))")
        var about: [(String, JSONValue)] = [
            ("apiVersion", .string(object.apiVersion)), ("kind", .string(object.kind)),
            ("name", .string(object.name)), ("uid", .string(object.uid)),
        ]
        if !object.namespace.isEmpty { about.append(("namespace", .string(object.namespace))) }
        event["involvedObject"] = .object(about)
        event["type"] = .string(isWarning ? "Warning" : "Normal")
        event["reason"] = .string(reason)
        event["message"] = .string(message)
        event["source"] = .object([("component", .string(component))])
        event["reportingComponent"] = .string(component)
        event["firstTimestamp"] = .string(timestamp)
        event["lastTimestamp"] = .string(timestamp)
        event["count"] = 1
        return event
    }
}
