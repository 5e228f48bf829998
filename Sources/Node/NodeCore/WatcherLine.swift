// SPDX-License-Identifier: Apache-2.0

/// Watchers in the order in which they shall read history. Each holds the ticket it got last; who
/// has left, or has got another since, is passed over. So leaving takes no search.
struct WatcherLine {
    struct Entry {
        let slot: Int
        let ticket: UInt64
    }

    /// Places of watchers, and of some that have left.
    private(set) var entries: [Entry] = []
    /// Those who have not left.
    private(set) var count = 0

    private static let leftMin = 64

    /// `slots` says who holds which ticket. Places change here, and nowhere else but at the front.
    mutating func append(_ slot: Int, _ ticket: UInt64, _ slots: [Watcher?]) {
        if entries.count > 2 * count + WatcherLine.leftMin {
            entries.removeAll { !slots.holds($0) }
        }
        entries.append(Entry(slot: slot, ticket: ticket))
        count += 1
    }

    /// One of them has given its ticket back.
    mutating func leave() {
        count -= 1
    }

    /// Takes the first `places` out, and with them those who have left.
    mutating func takeFirst(_ places: Int, _ slots: [Watcher?]) -> [Int] {
        let end = min(places, entries.count)
        let taken = entries[..<end].filter(slots.holds).map(\.slot)
        entries.removeFirst(end)
        count -= taken.count
        return taken
    }

    mutating func takeAll(_ slots: [Watcher?]) -> [Int] {
        takeFirst(entries.count, slots)
    }
}

extension [Watcher?] {
    /// The watcher still stands where it got this ticket.
    func holds(_ entry: WatcherLine.Entry) -> Bool { self[entry.slot]?.ticket == entry.ticket }
}
