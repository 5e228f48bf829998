// SPDX-License-Identifier: Apache-2.0
internal import Net
internal import Posix

/// Ends what a client waits for, from any thread; it waits no more afterwards.
package final class KubeStop: @unchecked Sendable {
    private let lock = Lock()
    private var handles: [ReactorHandle] = []
    private var isSet = false

    package init() {}

    package var isStopped: Bool { lock.withLock { isSet } }

    package func stop() {
        let woken = lock.withLock {
            isSet = true
            return handles
        }
        for handle in woken { handle.submit {} }
    }

    func add(_ handle: ReactorHandle) { lock.withLock { handles.append(handle) } }

    func remove(_ handle: ReactorHandle) {
        lock.withLock { handles.removeAll { $0 === handle } }
    }
}
