// SPDX-License-Identifier: Apache-2.0
package import Formats

/// How to delete, and what must be true for it.
package struct DeleteOptions: Equatable, Sendable {
    package var gracePeriodSeconds: Int?
    /// `Background`, `Foreground` or `Orphan`; empty: the kind's own.
    package var propagationPolicy: String
    /// Only if the object still has this UID and version; empty: whatever it has.
    package var uid: String
    package var resourceVersion: String

    package init(
        gracePeriodSeconds: Int? = nil, propagationPolicy: String = "", uid: String = "",
        resourceVersion: String = ""
    ) {
        self.gracePeriodSeconds = gracePeriodSeconds
        self.propagationPolicy = propagationPolicy
        self.uid = uid
        self.resourceVersion = resourceVersion
    }

    package init(_ json: JSONValue) {
        let conditions = json["preconditions"]
        self.init(
            gracePeriodSeconds: json["gracePeriodSeconds"]?.int64.flatMap { Int(exactly: $0) },
            propagationPolicy: json["propagationPolicy"]?.string ?? "",
            uid: conditions?["uid"]?.string ?? "",
            resourceVersion: conditions?["resourceVersion"]?.string ?? "")
    }

    package var json: JSONValue {
        var members: [(String, JSONValue)] = [("kind", "DeleteOptions"), ("apiVersion", "v1")]
        if let gracePeriodSeconds {
            members.append(("gracePeriodSeconds", .integer(Int64(gracePeriodSeconds))))
        }
        if !propagationPolicy.isEmpty {
            members.append(("propagationPolicy", .string(propagationPolicy)))
        }
        var conditions: [(String, JSONValue)] = []
        if !uid.isEmpty { conditions.append(("uid", .string(uid))) }
        if !resourceVersion.isEmpty {
            conditions.append(("resourceVersion", .string(resourceVersion)))
        }
        if !conditions.isEmpty { members.append(("preconditions", .object(conditions))) }
        return .object(members)
    }
}
