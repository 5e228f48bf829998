// SPDX-License-Identifier: Apache-2.0
package import Formats

/// JSON patches (RFC 6902): a list of operations, all of them or none.
package enum JSONPatch {
    package struct Failure: Error, Equatable, Sendable {
        package var message: String
    }

    /// More operations than this are refused.
    package static let maxOperations = 10_000

    package static func apply(
        _ patch: JSONValue, to target: JSONValue
    ) throws(Failure) -> JSONValue {
        guard let operations = patch.array else {
            throw Failure(message: "a JSON patch is a list of operations")
        }
        guard operations.count <= maxOperations else {
            throw Failure(message: "the patch has more than \(maxOperations) operations")
        }
        var document = target
        for operation in operations { document = try perform(operation, on: document) }
        return document
    }

    private static func perform(
        _ operation: JSONValue, on document: JSONValue
    ) throws(Failure) -> JSONValue {
        guard let name = operation["op"]?.string else {
            throw Failure(message: "an operation without \"op\"")
        }
        let path = try pointer(operation, "path")
        switch name {
        case "add": return try edit(document, path[...], .add(try value(operation)))
        case "remove": return try edit(document, path[...], .remove)
        case "replace": return try edit(document, path[...], .replace(try value(operation)))
        case "copy":
            return try edit(
                document, path[...], .add(try find(try pointer(operation, "from"), in: document)))
        case "move":
            let from = try pointer(operation, "from")
            guard !(path.count > from.count && path.starts(with: from)) else {
                throw Failure(message: "a value cannot be moved into itself")
            }
            let moved = try find(from, in: document)
            return try edit(try edit(document, from[...], .remove), path[...], .add(moved))
        case "test":
            let expected = try value(operation)
            guard try find(path, in: document).isSame(as: expected) else {
                throw Failure(
                    message: "testing value \(text(path)) failed")
            }
            return document
        default: throw Failure(message: "unknown operation \"\(name)\"")
        }
    }

    private enum Edit {
        case add(JSONValue)
        case replace(JSONValue)
        case remove
    }

    private static func edit(
        _ value: JSONValue, _ path: ArraySlice<String>, _ edit: Edit
    ) throws(Failure) -> JSONValue {
        guard let key = path.first else {
            switch edit {
            case .add(let new), .replace(let new): return new
            case .remove: return .null
            }
        }
        let isLast = path.count == 1
        switch value {
        case .object(var object):
            if isLast {
                switch edit {
                case .add(let new): object[key] = new
                case .replace(let new):
                    guard object[key] != nil else { throw missing(path) }
                    object[key] = new
                case .remove:
                    guard object[key] != nil else { throw missing(path) }
                    object[key] = nil
                }
            } else {
                guard let child = object[key] else { throw missing(path) }
                object[key] = try Self.edit(child, path.dropFirst(), edit)
            }
            return .object(object)
        case .array(var elements):
            if isLast, case .add(let new) = edit {
                // `-` is the place after the last one; only an addition may name it.
                let place = try key == "-" ? elements.count : index(key, below: elements.count + 1)
                elements.insert(new, at: place)
                return .array(elements)
            }
            let index = try index(key, below: elements.count)
            guard isLast else {
                elements[index] = try Self.edit(elements[index], path.dropFirst(), edit)
                return .array(elements)
            }
            if case .replace(let new) = edit {
                elements[index] = new
            } else {
                elements.remove(at: index)
            }
            return .array(elements)
        case .null, .bool, .integer, .unsigned, .number, .string: throw missing(path)
        }
    }

    private static func index(_ key: String, below count: Int) throws(Failure) -> Int {
        let isPlain =
            key.utf8.allSatisfy { (48...57).contains($0) } && (key == "0" || !key.hasPrefix("0"))
        guard isPlain, let index = Int(key), index < count else {
            throw Failure(message: "there is no element \"\(key)\"")
        }
        return index
    }

    private static func find(_ path: [String], in document: JSONValue) throws(Failure) -> JSONValue
    {
        var value = document
        for key in path {
            if case .array(let elements) = value {
                value = elements[try index(key, below: elements.count)]
            } else if let child = value[key] {
                value = child
            } else {
                throw missing(path[...])
            }
        }
        return value
    }

    private static func value(_ operation: JSONValue) throws(Failure) -> JSONValue {
        guard let value = operation["value"] else {
            throw Failure(message: "an operation without \"value\"")
        }
        return value
    }

    /// RFC 6901: `/a~1b/0` is the first element of what stands under `a/b`.
    private static func pointer(
        _ operation: JSONValue, _ member: String
    ) throws(Failure) -> [String] {
        guard let text = operation[member]?.string else {
            throw Failure(message: "an operation without \"\(member)\"")
        }
        guard !text.isEmpty else { return [] }
        guard text.hasPrefix("/") else {
            throw Failure(message: "the pointer \"\(text)\" does not begin with a slash")
        }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            unescaped($0)
        }
    }

    private static func unescaped(_ text: Substring) -> String {
        var result = ""
        var isEscape = false
        for character in text.unicodeScalars {
            if isEscape {
                result.unicodeScalars.append(
                    character == "1" ? "/" : character == "0" ? "~" : character)
                isEscape = false
            } else if character == "~" {
                isEscape = true
            } else {
                result.unicodeScalars.append(character)
            }
        }
        return result
    }

    private static func missing(_ path: ArraySlice<String>) -> Failure {
        Failure(message: "there is nothing at \(text(Array(path)))")
    }

    private static func text(_ path: [String]) -> String { "/" + path.joined(separator: "/") }
}
