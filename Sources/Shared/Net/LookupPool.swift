// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// A few threads that ask the resolver, which cannot be asked without waiting. They share nothing
/// with the reactor but this queue and the mailbox of answers, so one that hangs in DNS for minutes
/// harms nobody.
internal final class LookupPool: @unchecked Sendable {
    struct Question: Sendable {
        enum Matter: Sendable {
            case addresses(of: HostPort)
            /// Whether the address belongs to one of the names.
            case belonging(SocketAddress, names: [String])
        }

        var id: UInt64
        var matter: Matter
    }

    struct Answer: Sendable {
        enum Result: Sendable {
            case addresses([SocketAddress])
            case belonging(Bool)
            case failure(NameLookupError)
        }

        var id: UInt64
        var result: Result
    }

    private static let waitingMax = 1024

    private let lock = Lock()
    private var waiting: [Question] = []
    private var isClosed = false
    private let lookup: NameLookup
    private let answers: Mailbox<Answer>

    private init(_ lookup: NameLookup, _ answers: Mailbox<Answer>) {
        self.lookup = lookup
        self.answers = answers
    }

    static func start(
        threadCount: Int, _ lookup: NameLookup, answers: Mailbox<Answer>
    ) throws(NetError) -> LookupPool {
        let pool = LookupPool(lookup, answers)
        for _ in 0..<threadCount {
            try posix { () throws(PosixError) in
                // Resolver plug-ins of the system want room. Nobody joins it.
                try Thread.start(name: "lookup", stackByteCount: 1 << 21) { pool.work() }
            }
        }
        return pool
    }

    /// False if too many wait already.
    func ask(_ question: Question) -> Bool {
        lock.withLock {
            if waiting.count >= LookupPool.waitingMax { return false }
            waiting.append(question)
            lock.signal()
            return true
        }
    }

    /// Lets the threads go; answers under way are still posted.
    func close() {
        lock.withLock {
            isClosed = true
            waiting = []
            lock.signalAll()
        }
    }

    private func work() {
        while let question = next() {
            answers.post(Answer(id: question.id, result: answer(question.matter)))
        }
    }

    private func answer(_ matter: Question.Matter) -> Answer.Result {
        do throws(NameLookupError) {
            switch matter {
            case .addresses(let endpoint):
                return .addresses(try lookup.addresses(of: endpoint.host, port: endpoint.port))
            case .belonging(let address, let names):
                return .belonging(try lookup.address(address, belongsToOneOf: names))
            }
        } catch {
            return .failure(error)
        }
    }

    private func next() -> Question? {
        lock.withLock {
            while waiting.isEmpty && !isClosed { lock.wait() }
            return isClosed ? nil : waiting.removeFirst()
        }
    }
}
