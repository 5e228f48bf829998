// SPDX-License-Identifier: Apache-2.0

/// How long a node shall live.
package struct TimeToLive: Equatable, Sendable {
    /// At most as many as a lease can have.
    package var seconds: Int64
    /// Nanoseconds since 1970.
    package var expiration: Int64

    private static let secondsMax: UInt64 = 9_000_000_000

    init(seconds: UInt64, _ moment: Moment) {
        let bounded = Int64(min(seconds, Self.secondsMax))
        self.seconds = bounded
        let (nanoseconds, overflow) = bounded.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isTooLate) = moment.now.addingReportingOverflow(nanoseconds)
        expiration = overflow || isTooLate ? Int64.max : sum
    }
}

/// A request of /v2/keys, read and checked.
package struct KeysRequest: Equatable, Sendable {
    package enum Write: Equatable, Sendable {
        case set, create, createInOrder, update, compareAndSwap, delete, compareAndDelete
    }

    package var method: String
    /// Clean: `/`, or `/a/b`.
    package var path: String
    package var value = ""
    package var isDirectory = false
    package var previousValue = ""
    package var previousIndex: UInt64 = 0
    package var previousExists: Bool?
    package var ttl: TimeToLive?
    package var isRefresh = false
    package var dropsNodes = false
    package var isRecursive = false
    package var isQuorum = false
    package var isWait = false
    package var isStream = false
    package var waitIndex: UInt64 = 0

    init(method: String, path: String) {
        self.method = method
        self.path = path
    }

    private var isConditional: Bool { previousIndex > 0 || !previousValue.isEmpty }

    /// Nil for reads.
    package var write: Write? {
        switch method {
        case "POST": .createInOrder
        case "DELETE": isConditional ? .compareAndDelete : .delete
        case "PUT":
            switch previousExists {
            case true: isConditional ? .compareAndSwap : .update
            case false: .create
            case nil: isConditional ? .compareAndSwap : .set
            }
        default: nil
        }
    }
}

/// Paths of nodes: always clean, without a slash at the end but for the root.
package enum NodePath {
    package static let root = "/"

    /// Without `.`, `..` and empty parts.
    package static func clean(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// The root first, the path itself last.
    static func chain(_ path: String) -> [String] {
        var chain = [root]
        var current = ""
        for part in path.split(separator: "/") {
            current += "/" + part
            chain.append(current)
        }
        return chain
    }

    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return root }
        return String(path[..<slash])
    }

    static func isBelow(_ path: String, _ directory: String) -> Bool {
        let start = directory == root ? root : directory + "/"
        return path.hasPrefix(start) && path != directory
    }

    /// One of the parts begins with an underscore.
    static func isHidden(_ path: String) -> Bool {
        path.hasPrefix("/_") || path.contains("/_")
    }

    /// Whether a watch on `watched` may not see `path`, for a part behind it begins with `_`.
    static func isHidden(_ path: String, from watched: String) -> Bool {
        guard watched.utf8.count <= path.utf8.count else { return false }
        let rest = path.utf8.dropFirst(watched == root ? 0 : watched.utf8.count)
        return isHidden(clean("/" + String(Substring(rest))))
    }
}
