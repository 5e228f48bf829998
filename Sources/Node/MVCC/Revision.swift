// SPDX-License-Identifier: Apache-2.0

/// When a change happened: `main` counts write requests, `sub` the changes within one.
package struct Revision: Comparable, Hashable, Sendable {
    package var main: Int64
    package var sub: Int64

    package init(main: Int64, sub: Int64 = 0) {
        self.main = main
        self.sub = sub
    }

    package static func < (left: Revision, right: Revision) -> Bool {
        left.main != right.main ? left.main < right.main : left.sub < right.sub
    }
}

/// Which keys a request means. `end` empty: the key alone; `end` one zero byte: every key from
/// `key` on; otherwise the keys in `[key, end)`, bytewise.
package struct KeyRange: Hashable, Sendable {
    package var key: [UInt8]
    package var end: [UInt8]

    package init(key: [UInt8], end: [UInt8] = []) {
        self.key = key
        self.end = end
    }

    package var isSingleKey: Bool { end.isEmpty }
    package var isOpenEnded: Bool { end.count == 1 && end[0] == 0 }

    package func contains(_ candidate: [UInt8]) -> Bool {
        if isSingleKey { return candidate == key }
        if compareBytes(candidate, key) < 0 { return false }
        return isOpenEnded || compareBytes(candidate, end) < 0
    }
}
