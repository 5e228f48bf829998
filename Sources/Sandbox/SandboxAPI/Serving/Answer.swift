// SPDX-License-Identifier: Apache-2.0
package import Kube

/// Names a watch until it ends or is closed.
package struct WatchID: Hashable, Comparable, Sendable {
    package var number: Int

    package static func < (left: WatchID, right: WatchID) -> Bool { left.number < right.number }
}

/// What comes of a request.
package enum Answer: Equatable, Sendable {
    case response(KubeResponse)
    /// Answer 200 with this content type and send what `takeWatchOutput` gives, until it ends.
    case watch(WatchID, contentType: String)
    case log(LogRequest)
    case exec(ExecRequest)
    /// Close the connection without an answer: the request may or may not have been carried out.
    case hangUp
}

/// Checked and allowed; the runner has the text.
package struct LogRequest: Equatable, Sendable {
    package var pod: ObjectKey
    package var container: String
    package var follow: Bool
    package var previous: Bool
    package var timestamps: Bool
    package var tailLines: Int?
    package var sinceSeconds: Int?
    package var limitBytes: Int?
}

package struct ExecRequest: Equatable, Sendable {
    package var pod: ObjectKey
    package var container: String
    package var command: [String]
    package var stdin: Bool
    package var stdout: Bool
    package var stderr: Bool
    package var tty: Bool
}

/// Lines for one watch.
package struct WatchOutput: Equatable, Sendable {
    package var id: WatchID
    package var bytes: [UInt8]
    /// Nothing comes after; the watch is forgotten.
    package var isEnd: Bool
}

/// One change for controllers, in the order it happened.
package struct ObjectChange: Equatable, Sendable {
    package var key: ObjectKey
    package var event: WatchEvent
}
