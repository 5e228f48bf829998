// SPDX-License-Identifier: Apache-2.0
internal import Net

/// What large answers may be encoded of in one turn, all of them together. Who finds the share spent
/// stands in line and goes on in one of the turns that follow: a request of somebody else waits for
/// one share, however many large answers are asked for.
final class AnswerTurns {
    private let reactor: Reactor
    private var line = Line<() -> Void>()
    /// The turn that `spent` is about.
    private var turn: UInt64 = 0
    private var spent = 0
    private var isDue = false

    /// Bytes of a turn while others are about, and while none is.
    private static let sharedBytes = 32 << 10
    private static let aloneBytes = 2 << 20

    init(_ reactor: Reactor) {
        self.reactor = reactor
    }

    /// Something may still be begun in this turn; the last piece may be larger than what is left.
    var hasRoom: Bool {
        if turn != reactor.turnNumber { return true }
        return spent < (reactor.hasLight ? Self.sharedBytes : Self.aloneBytes)
    }

    func took(_ byteCount: Int) {
        if turn != reactor.turnNumber {
            turn = reactor.turnNumber
            spent = 0
        }
        spent += byteCount
    }

    /// Calls `body` in a turn that has room, in the order of asking.
    func wait(_ body: @escaping () -> Void) {
        line.append(body)
        goOnLater()
    }

    /// The place of one answer, which stands in line once at most.
    final class Place {
        private let turns: AnswerTurns
        private(set) var isWaiting = false

        init(_ turns: AnswerTurns) {
            self.turns = turns
        }

        /// As that of the turns; nothing more while it waits already, or once it is let go of.
        func wait(_ body: @escaping () -> Void) {
            if isWaiting { return }
            isWaiting = true
            turns.wait { [weak self] in
                guard let self else { return }
                self.isWaiting = false
                body()
            }
        }
    }

    private func goOnLater() {
        guard !isDue, !line.isEmpty else { return }
        isDue = true
        reactor.after(.zero) { [weak self] in self?.goOn() }
    }

    private func goOn() {
        isDue = false
        // Those that come back to the line wait for another turn.
        var left = line.count
        while left > 0, hasRoom, let next = line.popFirst() {
            left -= 1
            next()
        }
        goOnLater()
    }
}
