// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Formats

/// The conditions of a status. Order is the order in which they were first set.
package struct Conditions: FieldValue, Equatable {
    package enum Truth: String, Sendable {
        case yes = "True"
        case no = "False"
        case unknown = "Unknown"

        package init(_ bool: Bool) { self = bool ? .yes : .no }
    }

    package private(set) var list: [KubeObject.Condition] = []

    package init() {}

    package subscript(type: String) -> KubeObject.Condition? { list.first { $0.type == type } }

    package func isTrue(_ type: String) -> Bool { self[type]?.isTrue ?? false }

    /// Sets one. The time of its last transition moves only when its truth does. `now` is RFC 3339.
    package mutating func set(
        _ type: String, _ truth: Truth, reason: String, message: String = "", generation: Int,
        now: String
    ) {
        invariant(!reason.isEmpty, "condition \(type) without a reason")
        var condition = KubeObject.Condition(
            type: type, status: truth.rawValue, reason: reason, message: message,
            lastTransitionTime: now, observedGeneration: Int64(generation))
        guard let index = list.firstIndex(where: { $0.type == type }) else {
            return list.append(condition)
        }
        if list[index].status == condition.status {
            condition.lastTransitionTime = list[index].lastTransitionTime
        }
        list[index] = condition
    }

    package mutating func remove(_ type: String) {
        list.removeAll { $0.type == type }
    }

    package static var schema: Schema {
        var schema = Schema(.array)
        schema.items = [ConditionRecord.schema]
        schema.maxItems = 32
        schema.listMapKeys = ["type"]
        return schema
    }

    package var fieldJSON: JSONValue? {
        list.isEmpty
            ? nil : .array(list.map { .object(ConditionRecord($0).encoded) })
    }

    package static func read(
        _ json: JSONValue, into value: inout Conditions, _ field: String,
        _ problems: inout [FieldProblem]
    ) {
        var records: [ConditionRecord] = []
        [ConditionRecord].read(json, into: &records, field, &problems)
        value.list = records.map(\.condition)
    }
}

/// `metav1.Condition`
private struct ConditionRecord: Record, OptionalContent {
    var type = ""
    var status = ""
    var observedGeneration = 0
    var lastTransitionTime = ""
    var reason = ""
    var message = ""

    init() {}

    init(_ condition: KubeObject.Condition) {
        type = condition.type
        status = condition.status
        observedGeneration = Int(condition.observedGeneration)
        lastTransitionTime = condition.lastTransitionTime
        reason = condition.reason
        message = condition.message
    }

    var condition: KubeObject.Condition {
        KubeObject.Condition(
            type: type, status: status, reason: reason, message: message,
            lastTransitionTime: lastTransitionTime, observedGeneration: Int64(observedGeneration))
    }

    static let fields: [Field<ConditionRecord>] = [
        Field("type", \.type, "What it is about.", required: true) { $0.maxLength = 316 },
        Field("status", \.status, "True, False or Unknown.", required: true) {
            $0.choices = ["True", "False", "Unknown"]
        },
        Field("observedGeneration", \.observedGeneration, "Generation it is about.") {
            $0.standard = nil
            $0.minimum = 0
        },
        Field(
            "lastTransitionTime", \.lastTransitionTime, "When its status last changed.",
            required: true
        ) { $0.format = "date-time" },
        Field("reason", \.reason, "Why, in a word.", required: true) { $0.maxLength = 1024 },
        Field("message", \.message, "Why, for people.") { $0.maxLength = 32_768 },
    ]
}
