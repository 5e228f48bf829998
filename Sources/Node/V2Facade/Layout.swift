// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI

// Where v2 nodes are in the v3 store, and what their values look like.
//
//   _keelson/v2/a/b     the node /a/b
//   _keelson/v2!        the mark: what the last deletion was; it stands in front of all nodes
//
//   value of a node:  version 1 | flags | action | created (8) | modified (8) | expiration (8) | value
//   value of the mark: version 1 | action | path
//
// Numbers are big-endian. `created` and `modified` are 0 where they are the key's own mod revision:
// a writer cannot know the revision it will get.

package enum Layout {
    package static let prefix = Array("_keelson/v2".utf8)
    static let mark = prefix + [0x21]
    /// Behind all nodes, which begin with a slash.
    static let end = prefix + [0x30]

    static func key(_ path: String) -> [UInt8] { prefix + Array(path.utf8) }

    /// Nil for the mark.
    static func path(_ key: [UInt8]) -> String? {
        guard key.starts(with: prefix), key.count > prefix.count, key[prefix.count] == 0x2f else {
            return nil
        }
        return String(decoding: key.dropFirst(prefix.count), as: UTF8.self)
    }

    /// Everything below a node.
    static func below(_ path: String) -> (key: [UInt8], end: [UInt8]) {
        let start = path == NodePath.root ? prefix : key(path)
        return (start + [0x2f], start + [0x30])
    }

    /// What a watcher of v2 keys watches: nodes and the mark.
    package static func watch(from revision: Int64) -> WatchCreateRequest {
        WatchCreateRequest(key: mark, rangeEnd: end, startRevision: revision, prevKV: true)
    }
}

/// What an event is called.
package enum KeysAction: UInt8, Sendable {
    case get, set, create, update, compareAndSwap, delete, compareAndDelete, expire

    var text: String {
        switch self {
        case .get: "get"
        case .set: "set"
        case .create: "create"
        case .update: "update"
        case .compareAndSwap: "compareAndSwap"
        case .delete: "delete"
        case .compareAndDelete: "compareAndDelete"
        case .expire: "expire"
        }
    }
}

/// The value of a node's key.
struct NodeRecord: Equatable {
    var isDirectory = false
    /// Its writing is no event.
    var isSilent = false
    /// The key's lease is that of a directory above.
    var inheritsLease = false
    var action = KeysAction.set
    /// 0: the mod revision of the key.
    var created: Int64 = 0
    /// 0: the mod revision of the key.
    var modified: Int64 = 0
    /// Nanoseconds since 1970; 0 for never.
    var expiration: Int64 = 0
    var value = ""

    private static let version: UInt8 = 1
    private static let headCount = 27

    init() {}

    /// Nil for bytes that somebody else wrote there.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= Self.headCount, bytes[0] == Self.version, bytes[1] < 8,
            let action = KeysAction(rawValue: bytes[2])
        else { return nil }
        isDirectory = bytes[1] & 1 != 0
        isSilent = bytes[1] & 2 != 0
        inheritsLease = bytes[1] & 4 != 0
        self.action = action
        created = Self.number(bytes[3..<11])
        modified = Self.number(bytes[11..<19])
        expiration = Self.number(bytes[19..<27])
        value = String(decoding: bytes[Self.headCount...], as: UTF8.self)
    }

    var bytes: [UInt8] {
        let flags: UInt8 = (isDirectory ? 1 : 0) | (isSilent ? 2 : 0) | (inheritsLease ? 4 : 0)
        var output = [Self.version, flags, action.rawValue]
        for number in [created, modified, expiration] {
            for shift in stride(from: 56, through: 0, by: -8) {
                output.append(UInt8(truncatingIfNeeded: number >> Int64(shift)))
            }
        }
        return output + Array(value.utf8)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int64 {
        bytes.reduce(0) { $0 << 8 | Int64($1) }
    }
}

/// The value of the mark.
struct DeletionMark: Equatable {
    var action: KeysAction
    var path: String

    init(_ action: KeysAction, _ path: String) {
        self.action = action
        self.path = path
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 2, bytes[0] == 1, let action = KeysAction(rawValue: bytes[1]) else {
            return nil
        }
        self.action = action
        path = String(decoding: bytes[2...], as: UTF8.self)
    }

    var bytes: [UInt8] { [1, action.rawValue] + Array(path.utf8) }
}
