// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net

/// Lets a few long lists go on at a time; the others wait in the order they came. Together with the
/// bound on what one list has queued this bounds the memory of all of them.
final class ListGate {
    /// A list that goes on or waits.
    final class Ticket {
        fileprivate let begin: () -> Void
        fileprivate let cut: () -> Void
        fileprivate var movedAt: Instant
        /// It waits no more, though it may still stand in line.
        fileprivate var hasLeft = false

        fileprivate init(_ begin: @escaping () -> Void, _ cut: @escaping () -> Void, now: Instant) {
            self.begin = begin
            self.cut = cut
            movedAt = now
        }

        /// Its client has taken something.
        func hasMoved(at now: Instant) {
            movedAt = now
        }
    }

    private let reactor: Reactor
    private var active: [Ticket] = []
    private var waiting = Line<Ticket>()
    /// Of those in line, the ones that have left.
    private var leftCount = 0
    private var isWatching = false

    static let activeMax = 8
    /// A list that its client has left standing for so long gives way to one that waits.
    static let patience = Duration.seconds(20)

    init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    /// Calls `begin`, now or later; `cut` if the list must end before its end.
    func enter(_ begin: @escaping () -> Void, cut: @escaping () -> Void) -> Ticket {
        let ticket = Ticket(begin, cut, now: reactor.now)
        if active.count < ListGate.activeMax {
            active.append(ticket)
            reactor.soon(begin)
        } else {
            waiting.append(ticket)
            watch()
        }
        return ticket
    }

    /// The list is over, or will never begin.
    func leave(_ ticket: Ticket) {
        if ticket.hasLeft { return }
        ticket.hasLeft = true
        if let place = active.firstIndex(where: { $0 === ticket }) {
            active.remove(at: place)
            letIn()
        } else {
            leftCount += 1
            forgetLeft()
        }
    }

    /// A connection may end with thousands in line; a walk for each would hold up everybody.
    private func forgetLeft() {
        guard leftCount > 64, leftCount * 2 > waiting.count else { return }
        waiting.removeAll { $0.hasLeft }
        leftCount = 0
    }

    private func letIn() {
        while active.count < ListGate.activeMax, let next = waiting.popFirst() {
            if next.hasLeft {
                leftCount -= 1
                continue
            }
            next.movedAt = reactor.now
            active.append(next)
            // It may be over at once and let in the next: that is not to go on in this turn.
            reactor.after(.zero, next.begin)
        }
    }

    /// Looks after those that stand still, as long as any wait.
    private func watch() {
        guard !isWatching else { return }
        isWatching = true
        reactor.after(.seconds(1)) { [weak self] in
            guard let self else { return }
            self.isWatching = false
            guard !self.waiting.isEmpty else { return }
            let now = self.reactor.now
            for ticket in self.active where now - ticket.movedAt > ListGate.patience {
                ticket.cut()
            }
            self.watch()
        }
    }
}
