// SPDX-License-Identifier: Apache-2.0
package import Formats

/// Values at a path of keys. A key that is a number walks into an array that is there.
package enum JSONPath {
    package static func value(at path: ArraySlice<String>, in value: JSONValue) -> JSONValue? {
        var value = value
        for key in path {
            switch value {
            case .object(let object):
                guard let member = object[key] else { return nil }
                value = member
            case .array(let elements):
                guard let index = Int(key), elements.indices.contains(index) else { return nil }
                value = elements[index]
            case .null, .bool, .integer, .unsigned, .number, .string: return nil
            }
        }
        return value
    }

    /// The value with `new` at the path. Objects on the way are made, and what is in the way and
    /// no container is replaced; nil removes, and makes nothing. Places beyond an array's end
    /// change nothing.
    package static func setting(
        _ new: JSONValue?, at path: ArraySlice<String>, in value: JSONValue?
    ) -> JSONValue? {
        guard let key = path.first else { return new }
        if case .array(var elements)? = value {
            guard let index = Int(key), elements.indices.contains(index) else { return value }
            if let changed = setting(new, at: path.dropFirst(), in: elements[index]) {
                elements[index] = changed
            } else {
                elements.remove(at: index)
            }
            return .array(elements)
        }
        let members = value?.object
        if new == nil && members?[key] == nil { return value }
        var object = members ?? JSONObject()
        object[key] = setting(new, at: path.dropFirst(), in: object[key])
        return .object(object)
    }
}

extension JSONValue {
    /// Equal in what it says: order of members and the spelling of numbers do not matter.
    package func isSame(as other: JSONValue) -> Bool {
        switch (self, other) {
        case (.object(let mine), .object(let theirs)):
            return mine.isSame(as: theirs)
        case (.array(let mine), .array(let theirs)):
            return mine.count == theirs.count
                && zip(mine, theirs).allSatisfy { $0.isSame(as: $1) }
        case (.integer, .number), (.number, .integer), (.unsigned, .number), (.number, .unsigned):
            return double == other.double
        default: return self == other
        }
    }
}

extension JSONObject {
    fileprivate func isSame(as other: JSONObject) -> Bool {
        if members.count == other.members.count {
            // As a rule the order is the same too.
            var isEqual = true
            for (mine, theirs) in zip(members, other.members)
            where mine.key != theirs.key || !mine.value.isSame(as: theirs.value) {
                isEqual = false
                break
            }
            if isEqual { return true }
        }
        let keys = Set(keys)
        return keys == Set(other.keys)
            && keys.allSatisfy { key in
                guard let left = self[key], let right = other[key] else { return false }
                return left.isSame(as: right)
            }
    }
}
