// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Keys that need work, each at most once. A key is with one worker at a time; added meanwhile, it
/// comes again afterwards. First come, first served, and who comes again stands at the end.
package struct WorkQueue<Key: Hashable & Comparable & Sendable>: Sendable {
    private struct Appointment: Comparable, Sendable {
        var time: Instant
        var key: Key

        static func < (left: Appointment, right: Appointment) -> Bool {
            left.time == right.time ? left.key < right.key : left.time < right.time
        }
    }

    /// The line, and who stands in it.
    private var line: [Key] = []
    private var head = 0
    private var waiting: Set<Key> = []
    /// With a worker.
    private var working: Set<Key> = []
    /// Added while with a worker.
    private var again: Set<Key> = []
    private var appointments = SortedMap<Appointment, Bool>()
    private var appointed: [Key: Instant] = [:]
    private var failures: [Key: Backoff] = [:]
    private let backoff: Backoff
    private var random: Random

    package init(backoff: Backoff, seed: UInt64) {
        self.backoff = backoff
        random = Random(seed: seed)
    }

    /// How many wait for a worker now.
    package var depth: Int { line.count - head }
    package var workingCount: Int { working.count }
    package var delayedCount: Int { appointed.count }
    package var nextAppointment: Instant? { appointments.keys.first?.time }

    package mutating func add(_ key: Key) {
        if working.contains(key) {
            again.insert(key)
            return
        }
        guard waiting.insert(key).inserted else { return }
        line.append(key)
    }

    /// Not before `time`; of two appointments the earlier one counts.
    package mutating func add(_ key: Key, at time: Instant) {
        if let known = appointed[key] {
            if known <= time { return }
            appointments[Appointment(time: known, key: key)] = nil
        }
        appointed[key] = time
        appointments[Appointment(time: time, key: key)] = true
    }

    /// Again after a failure, later each time. Returns how much later.
    @discardableResult
    package mutating func retry(_ key: Key, now: Instant) -> Duration {
        var failure = failures[key] ?? backoff
        let wait = failure.next(&random)
        failures[key] = failure
        add(key, at: now + wait)
        return wait
    }

    /// It went well: the next failure waits the shortest time again.
    package mutating func forget(_ key: Key) { failures[key] = nil }

    /// The next key for a worker, who must say `done`.
    package mutating func next(now: Instant) -> Key? {
        keepAppointments(now)
        guard head < line.count else { return nil }
        let key = line[head]
        head += 1
        if head > 64, head * 2 > line.count {
            line.removeFirst(head)
            head = 0
        }
        waiting.remove(key)
        working.insert(key)
        return key
    }

    package mutating func done(_ key: Key) {
        invariant(working.remove(key) != nil, "done with \(key), which nobody works on")
        if again.remove(key) != nil { add(key) }
    }

    private mutating func keepAppointments(_ now: Instant) {
        while let due = appointments.keys.first, due.time <= now {
            appointments[due] = nil
            appointed[due.key] = nil
            add(due.key)
        }
    }
}
