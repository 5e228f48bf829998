// SPDX-License-Identifier: Apache-2.0
package import Formats

/// What a watch tells.
package enum WatchEvent: Equatable, Sendable {
    case added(KubeObject)
    case modified(KubeObject)
    /// With its last state.
    case deleted(KubeObject)
    /// All up to this version was told. With `initialEventsEnd` the objects that were there before
    /// the watch have all been sent.
    case bookmark(resourceVersion: String, initialEventsEnd: Bool)
    /// The watch is over.
    case error(StatusError)

    package var object: KubeObject? {
        switch self {
        case .added(let object), .modified(let object), .deleted(let object): object
        case .bookmark, .error: nil
        }
    }

    package var resourceVersion: String? {
        switch self {
        case .added(let object), .modified(let object), .deleted(let object):
            object.resourceVersion
        case .bookmark(let version, _): version
        case .error: nil
        }
    }
}

extension WatchEvent {
    /// Nil for what is no event.
    package init?(_ json: JSONValue) {
        guard let type = json["type"]?.string, let body = json["object"],
            let members = body.object
        else { return nil }
        let object = KubeObject(members)
        switch type {
        case "ADDED": self = .added(object)
        case "MODIFIED": self = .modified(object)
        case "DELETED": self = .deleted(object)
        case "BOOKMARK":
            self = .bookmark(
                resourceVersion: object.resourceVersion,
                initialEventsEnd: object.annotations[Self.initialEventsEnd] == "true")
        case "ERROR":
            self = .error(StatusError(body) ?? .internalError("the watch ended with an error"))
        default: return nil
        }
    }

    /// One line of a watch's answer, line end included. The kind is needed for bookmarks only.
    package func line(_ kind: ResourceKind) -> [UInt8] {
        let (type, object): (String, JSONValue) =
            switch self {
            case .added(let object): ("ADDED", .object(object.json))
            case .modified(let object): ("MODIFIED", .object(object.json))
            case .deleted(let object): ("DELETED", .object(object.json))
            case .error(let error): ("ERROR", error.json)
            case .bookmark(let version, let isEnd):
                ("BOOKMARK", Self.bookmark(kind, version, isEnd))
            }
        let json = JSONValue.object([("type", .string(type)), ("object", object)])
        return JSON.bytes(json, style: JSON.Style(escapesHTML: false)) + [0x0a]
    }

    package static let initialEventsEnd = "k8s.io/initial-events-end"

    private static func bookmark(
        _ kind: ResourceKind, _ version: String, _ isEnd: Bool
    ) -> JSONValue {
        var object = KubeObject(JSONObject())
        object.kind = kind.kind
        object.apiVersion = kind.apiVersion
        object["metadata", "resourceVersion"] = .string(version)
        object["metadata", "creationTimestamp"] = .null
        if isEnd { object.annotations = [initialEventsEnd: "true"] }
        return .object(object.json)
    }
}

/// Cuts a watch's answer into its lines. What is no event ends the watch with an error: going on
/// could miss a change.
package struct WatchDecoder: Sendable {
    /// Longer lines end the watch. Objects are at most 1.5 MiB in an API server's store.
    package static let maxLineBytes = 8 << 20

    private var line: [UInt8] = []
    private var hasFailed = false

    package init() {}

    package mutating func receive(_ bytes: some Sequence<UInt8>) -> [WatchEvent] {
        var events: [WatchEvent] = []
        for byte in bytes where !hasFailed {
            guard byte == 0x0a else {
                line.append(byte)
                if line.count > Self.maxLineBytes { events.append(fail("a line is too long")) }
                continue
            }
            if line.contains(where: { $0 != 0x20 && $0 != 0x0d }) { events.append(event()) }
            line.removeAll(keepingCapacity: true)
        }
        return events
    }

    private mutating func event() -> WatchEvent {
        do throws(FormatError) {
            if let event = WatchEvent(try JSON.parse(line)) { return event }
            return fail("a line is no event")
        } catch {
            return fail("a line is no JSON: \(error.reason)")
        }
    }

    private mutating func fail(_ message: String) -> WatchEvent {
        hasFailed = true
        line = []
        return .error(.internalError(message))
    }
}
