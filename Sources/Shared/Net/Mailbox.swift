// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

/// Letters from any thread to one. The lock is held for an append or a swap only, and the owner is
/// woken only when the box was empty. Letters of one sender arrive in order. The box itself has no
/// bound: whoever posts limits what may be under way.
package final class Mailbox<Letter: Sendable>: @unchecked Sendable {
    private let lock = Lock()
    private let wakeup: Wakeup
    private var letters: [Letter] = []
    private var isClosed = false

    package init() throws(NetError) {
        wakeup = try posix { () throws(PosixError) in try Wakeup() }
    }

    /// Readable while letters wait.
    package var descriptor: Int32 { wakeup.descriptor }

    /// Never waits for the owner. After `close` letters are dropped.
    package func post(_ letter: Letter) {
        let wasEmpty = lock.withLock {
            if isClosed { return false }
            letters.append(letter)
            return letters.count == 1
        }
        if wasEmpty { wakeup.ring() }
    }

    /// Everything posted so far, oldest first.
    package func takeAll() -> [Letter] {
        var taken: [Letter] = []
        takeAll(into: &taken)
        return taken
    }

    /// The same without an allocation: `taken` is emptied first, and its storage serves the next
    /// letters.
    package func takeAll(into taken: inout [Letter]) {
        taken.removeAll(keepingCapacity: true)
        // Cleared before looking: a letter that comes in between rings again.
        wakeup.clear()
        lock.withLock { swap(&letters, &taken) }
    }

    /// Drops what waits, and what comes.
    package func close() {
        let dropped = lock.withLock {
            isClosed = true
            defer { letters = [] }
            return letters
        }
        // Letters may own things whose end posts letters: not under the lock.
        withExtendedLifetime(dropped) {}
    }
}
