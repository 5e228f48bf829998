// SPDX-License-Identifier: Apache-2.0
package import Formats

/// JSON merge patches (RFC 7386): what is null is removed, objects are merged, everything else is
/// replaced.
package enum MergePatch {
    package static func apply(_ patch: JSONValue, to target: JSONValue?) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var result = target?.object ?? JSONObject()
        for member in changes.members {
            result[member.key] =
                member.value.isNull ? nil : apply(member.value, to: result[member.key])
        }
        return .object(result)
    }

    /// The patch that makes `new` of `old`; nil if they say the same. A null in `new` cannot be
    /// said by a merge patch: it is removed.
    package static func diff(from old: JSONValue, to new: JSONValue) -> JSONValue? {
        guard case .object(let before) = old, case .object(let after) = new else {
            return old.isSame(as: new) ? nil : new
        }
        var patch = JSONObject()
        for member in after.members {
            guard !member.value.isNull else { continue }
            guard let previous = before[member.key] else {
                patch[member.key] = member.value
                continue
            }
            if let change = diff(from: previous, to: member.value) { patch[member.key] = change }
        }
        for key in before.keys where after[key] == nil || after[key]?.isNull == true {
            if before[key]?.isNull == false { patch[key] = .null }
        }
        return patch.isEmpty ? nil : .object(patch)
    }
}
