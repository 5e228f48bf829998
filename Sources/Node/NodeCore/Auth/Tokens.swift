// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Replicated

/// The simple tokens this member knows: 16 letters, a point, an index of the log.
///
/// Log-ins come through the log, so every member knows every token; how long one lives is each
/// member's own affair, counted from its last use there. Lost at a restart and when a snapshot
/// replaces the store: clients then log in anew.
struct Tokens {
    private struct Held {
        var user: String
        /// Of the log-in's entry. Some releases of etcd write it, others the one before.
        var index: UInt64
        var expires: Instant
    }

    /// By the letters. Looked up, never walked into anything that can be seen.
    private var held: [[UInt8]: Held] = [:]
    /// In the order in which they expire unless used: each use moves a token back when its turn comes.
    private var queue: [(letters: [UInt8], at: Instant)] = []
    private var firstInQueue = 0
    private let life: Duration
    private let limit: Int

    /// Beyond `limit` the token that would end first goes.
    init(life: Duration, limit: Int = Limits.tokens) {
        self.life = life
        self.limit = limit
    }

    var count: Int { held.count }

    mutating func add(_ prefix: String, index: UInt64, user: String, now: Instant) {
        let letters = Array(prefix.utf8)
        expire(now)
        if held.count >= limit, held[letters] == nil { dropFirst() }
        held[letters] = Held(user: user, index: index, expires: now + life)
        queue.append((letters, now + life))
    }

    /// The user of a token, whose life begins anew.
    mutating func use(_ token: String, now: Instant) -> String? {
        guard let parts = Tokens.parts(token), let known = held[parts.letters],
            parts.index == known.index || parts.index + 1 == known.index, known.expires > now
        else { return nil }
        held[parts.letters]?.expires = now + life
        return known.user
    }

    /// The index at the end of something that has the form of a token.
    static func index(_ token: String) -> UInt64? { parts(token)?.index }

    private static func parts(_ token: String) -> (letters: [UInt8], index: UInt64)? {
        let bytes = Array(token.utf8)
        guard let point = bytes.firstIndex(of: 0x2e), (1...64).contains(point) else { return nil }
        let digits = bytes[(point + 1)...]
        guard (1...20).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let index = UInt64(String(decoding: digits, as: UTF8.self)), index < UInt64.max
        else { return nil }
        return (Array(bytes[..<point]), index)
    }

    mutating func forget(_ user: String) {
        let name = Array(user.utf8)
        held = held.filter { Array($0.value.user.utf8) != name }
    }

    mutating func removeAll() {
        held = [:]
        queue = []
        firstInQueue = 0
    }

    mutating func expire(_ now: Instant) {
        while firstInQueue < queue.count, queue[firstInQueue].at <= now { takeFirst(now) }
        if firstInQueue > 1_024, firstInQueue * 2 > queue.count {
            queue.removeFirst(firstInQueue)
            firstInQueue = 0
        }
    }

    private mutating func takeFirst(_ now: Instant) {
        let (letters, at) = queue[firstInQueue]
        firstInQueue += 1
        guard let token = held[letters] else { return }
        if token.expires <= now {
            held[letters] = nil
        } else if token.expires > at {
            queue.append((letters, token.expires))
        }
    }

    private mutating func dropFirst() {
        while firstInQueue < queue.count {
            let letters = queue[firstInQueue].letters
            firstInQueue += 1
            if held.removeValue(forKey: letters) != nil { return }
        }
    }
}
