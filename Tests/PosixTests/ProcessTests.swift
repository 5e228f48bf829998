// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import TestKit
internal import Testing

@testable internal import Posix

struct ProcessTests {
    private func shell(_ script: String) -> ChildProcess.Plan {
        ChildProcess.Plan("/bin/sh", ["-c", script])
    }

    @Test func `a child's exit code and signal come back`() throws {
        #expect(try ChildProcess(shell("exit 7")).wait() == .exited(code: 7))
        #expect(try ChildProcess(shell("kill -9 $$")).wait() == .signalled(number: 9))
    }

    @Test func `a program that is not there cannot start`() {
        let error = #expect(throws: PosixError.self) {
            try ChildProcess(ChildProcess.Plan("/no/such/program"))
        }
        #expect(error?.isNotFound == true)
    }

    @Test func `environment, folder and pipes are as planned`() throws {
        let folder = try TemporaryFolder()
        var plan = shell("read line; echo \"$line $NAME $(pwd)\"; echo oops >&2")
        plan.environment = ["NAME=keelson", "PATH=/usr/bin:/bin"]
        plan.directory = folder.path
        plan.input = .pipe
        plan.output = .pipe
        plan.errors = .file(folder["errors"])
        let child = try ChildProcess(plan)
        #expect(try child.input?.write([Array("hello\n".utf8)][...]) == 6)
        #expect(try child.wait() == .exited(code: 0))
        var bytes = [UInt8](repeating: 0, count: 500)
        let count = unsafe try bytes.withUnsafeMutableBytes {
            unsafe try child.output?.read(into: $0)
        }
        let text = String(decoding: bytes.prefix(count ?? 0), as: UTF8.self)
        #expect(text == "hello keelson \(folder.path)\n")
        #expect(try File(folder["errors"], .read).readAll() == Array("oops\n".utf8))
    }

    @Test func `a child is waited for until a deadline, stopped, continued and killed`() throws {
        let child = try ChildProcess(shell("exec sleep 100"))
        #expect(try child.poll() == nil)
        #expect(try child.wait(until: MonotonicClock.now + .milliseconds(5)) == nil)
        child.send(.stop)
        child.send(.continue)
        child.sendToGroup(.kill)
        #expect(try child.wait() == .signalled(number: 9))
        child.send(.kill)
        let usage = try #require(child.usage)
        #expect(usage.user >= .zero && usage.maxResidentByteCount > 0)
    }

    @Test func `a child that spends processor time is charged for it`() throws {
        let child = try ChildProcess(shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"))
        #expect(try child.wait() == .exited(code: 0))
        let usage = try #require(child.usage)
        #expect(usage.user + usage.system > .milliseconds(1))
    }

    @Test func `a child does not inherit stray descriptors`() throws {
        var plan = shell("ls /proc/self/fd | wc -l")
        plan.output = .pipe
        let child = try ChildProcess(plan)
        _ = try child.wait()
        var bytes = [UInt8](repeating: 0, count: 20)
        let count = unsafe try bytes.withUnsafeMutableBytes {
            unsafe try child.output?.read(into: $0)
        }
        let text = String(decoding: bytes.prefix(count ?? 0), as: UTF8.self)
        // Its three, and the one by which ls lists.
        #expect(text.filter(\.isNumber) == "4")
    }

    @Test func `a server process is started, watched and ended`() throws {
        let folder = try TemporaryFolder()
        let server = try ServerProcess(
            "/bin/sh",
            ["-c", "trap 'echo bye; exit 3' TERM; echo $WORD; while :; do sleep 0.01; done"],
            environment: ["WORD": "ready"], output: folder["log"])
        try server.waitForOutput(containing: "ready")
        #expect(server.isRunning)
        #expect(try server.terminate() == .exited(code: 3))
        #expect(server.tail() == "ready\nbye")
        #expect(server.usage != nil)
    }

    @Test func `a server that ends too early shows its last words`() throws {
        let folder = try TemporaryFolder()
        let server = try ServerProcess(
            "/bin/sh", ["-c", "echo cannot; exit 1"], output: folder["log"])
        let failure = #expect(throws: TestFailure.self) { try server.waitForPort(1) }
        #expect(failure?.description.contains("cannot") == true)
        #expect(throws: PosixError.self) {
            try ServerProcess("/none", [], output: folder["log"])
        }
    }

    @Test func `a server process dies with its owner`() throws {
        let folder = try TemporaryFolder()
        var server: ServerProcess? = try ServerProcess(
            "/bin/sh", ["-c", "sleep 1000 & wait"], output: folder["log"])
        let id = try #require(server?.id)
        #expect(Directory.exists("/proc/\(id)"))
        server = nil
        try eventually("it is gone") { !Directory.exists("/proc/\(id)") }
    }

    @Test func `threads run, have names and are joined`() throws {
        let lock = Lock()
        let seen = Seen()
        let thread = try Thread(name: "keelson-worker") {
            let name = try? File("/proc/thread-self/comm", .read).readAll()
            lock.withLock { seen.name = String(decoding: name ?? [], as: UTF8.self) }
        }
        thread.join()
        #expect(lock.withLock { seen.name } == "keelson-worker\n")
    }

    @Test func `a lock's condition wakes a waiter, and waiting ends at its deadline`() throws {
        let lock = Lock()
        let seen = Seen()
        let thread = try Thread(name: "waker") {
            lock.withLock {
                seen.name = "here"
                lock.signal()
            }
        }
        lock.withLock {
            while seen.name.isEmpty { lock.wait() }
        }
        thread.join()
        #expect(lock.withLock { !lock.wait(until: MonotonicClock.now + .milliseconds(1)) })
    }

    @Test func `open descriptors are as many as are listed`() throws {
        let file = try File("/dev/null", .read)
        defer { withExtendedLifetime(file) {} }
        // Other tests open and close theirs meanwhile: once in many looks both must agree.
        let agreed = (0..<10_000).contains { _ in
            ThisProcess.openDescriptorCount == ThisProcess.listedDescriptorCount
        }
        #expect(agreed)
    }

    @Test func `clocks go forward and the process knows itself`() throws {
        let start = MonotonicClock.now
        #expect(MonotonicClock.now >= start)
        #expect(WallClock.nanoseconds > 1_700_000_000_000_000_000)
        #expect(ThisProcess.residentByteCount > 1 << 20)
        #expect(ThisProcess.virtualByteCount > ThisProcess.residentByteCount)
        #expect(ThisProcess.openDescriptorCount > 2)
        #expect(ThisProcess.descriptorLimit > 100)
        #expect(ThisProcess.processorTime > .zero)
        #expect(ThisProcess.processorCount >= 1)
        #expect(!ThisProcess.hostName.isEmpty)
        #expect(ThisProcess.executablePath?.hasPrefix("/") == true)
        #expect(try SecureRandom.bytes(32) != SecureRandom.bytes(32))
    }

    @Test func `reserved ports differ and tools are found`() throws {
        let ports = try Ports.free(20)
        #expect(Set(ports).count == 20)
        #expect(Tools.onPath("sh") != nil)
        #expect(Tools.product("no-such-program") == nil)
    }
}

/// Guarded by the lock of the test.
private final class Seen: @unchecked Sendable {
    var name = ""
}
