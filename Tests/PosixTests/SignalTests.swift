// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Posix
internal import Testing

struct SignalTests {
    @Test func `signals sent to the thread are read one by one`() throws {
        let seen = Seen()
        let thread = try Thread(name: "signals") {
            guard let signals = try? Signals([.user1, .hangUp]) else { return }
            if (try? signals.next()) == nil { seen.signals.append("none") }
            raise(SIGUSR1)
            raise(SIGHUP)
            while let signal = try? signals.next() { seen.signals.append("\(signal)") }
        }
        thread.join()
        #expect(seen.signals.sorted() == ["hangUp", "none", "user1"])
    }

    @Test func `a write to a broken pipe is an error when ignored`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            Signals.ignoreBrokenPipes()
            var plan = ChildProcess.Plan("/bin/true")
            plan.input = .pipe
            let child = try ChildProcess(plan)
            _ = try child.wait()
            do throws(PosixError) {
                _ = try child.input?.write([[1]][...])
            } catch {
                exit(error.isReset ? 7 : 8)
            }
        }
    }
}

/// Read only after the thread was joined.
private final class Seen: @unchecked Sendable {
    var signals: [String] = []
}
