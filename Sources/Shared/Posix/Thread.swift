// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import CLinux
internal import Glibc

/// An operating system thread. What it works on should be made inside `body`; from outside come
/// only Sendable parts. Whoever starts it joins it, or lets it go by dropping the value.
package struct Thread: ~Copyable, Sendable {
    private let handle: pthread_t

    /// `name` is cut to 15 bytes.
    package init(
        name: String, stackByteCount: Int = 1 << 20, _ body: sending @escaping () -> Void
    ) throws(PosixError) {
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setstacksize(&attributes, max(stackByteCount, 1 << 16))
        let start = unsafe Unmanaged.passRetained(ThreadStart(name: name, body: body))
        var made = pthread_t()
        let code = unsafe pthread_create(
            &made, &attributes,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, start.toOpaque())
        unsafe pthread_attr_destroy(&attributes)
        if code != 0 {
            unsafe start.release()
            throw PosixError("pthread_create", name, code: code)
        }
        handle = made
    }

    /// Starts one that nobody will join.
    package static func start(
        name: String, stackByteCount: Int = 1 << 20, _ body: sending @escaping () -> Void
    ) throws(PosixError) {
        _ = try Thread(name: name, stackByteCount: stackByteCount, body)
    }

    /// Whoever else wants this processor has it first. Free when nobody does.
    package static func giveWay() {
        sched_yield()
    }

    deinit {
        pthread_detach(handle)
    }

    /// Waits until the body has returned.
    package consuming func join() {
        let code = pthread_join(handle, nil)
        invariant(code == 0, "joining a thread failed with \(code)")
        discard self
    }
}

private final class ThreadStart {
    private let name: String
    private let body: () -> Void

    init(name: String, body: @escaping () -> Void) {
        self.name = name
        self.body = body
    }

    func run() {
        leaveSignalsToTheFirst()
        unsafe keelson_name_thread(name)
        body()
    }

    /// A thread that takes a signal before `Signals` exists would end the process afterwards too.
    private func leaveSignalsToTheFirst() {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT] {
            unsafe sigaddset(&set, number)
        }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }
}
