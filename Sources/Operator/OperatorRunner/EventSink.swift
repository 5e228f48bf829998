// SPDX-License-Identifier: Apache-2.0
internal import Controllers
internal import Formats
internal import Kube
internal import KubeClient
internal import Posix
internal import Program
internal import Reconcile

/// Emits events, the same ones folded, from all workers.
final class EventSink: @unchecked Sendable {
    private let lock = Lock()
    private var folding: EventFolding
    private let log: Logger

    init(instance: String, log: Logger) {
        folding = EventFolding(component: Executor.manager, instance: instance)
        self.log = log
    }

    /// An event that cannot be written is only logged: nothing depends on it.
    func say(_ event: ClusterEvent, about object: KubeObject, _ client: any KubeExchange) {
        log.log(
            event.isWarning ? .warn : .info, event.message,
            [
                "event": .string(event.reason),
                "cluster": .string("\(object.namespace)/\(object.name)"),
            ])
        let step = fold(event, object)
        do throws(KubeError) {
            switch step {
            case .drop: break
            case .create(let made): _ = try client.create(made, as: .event)
            case .patch(let key, let body): _ = try client.patch(key, .merge, body)
            }
        } catch {
            if case .patch(let key, _) = step { lock.withLock { folding.forget(key) } }
            log.debug("an event was lost", ["error": .string("\(error)")])
        }
    }

    private func fold(_ event: ClusterEvent, _ object: KubeObject) -> EventFolding.Step {
        lock.withLock {
            folding.fold(
                about: object, isWarning: event.isWarning, reason: event.reason,
                message: event.message, now: MonotonicClock.now, wall: WallClock.nanoseconds)
        }
    }
}
