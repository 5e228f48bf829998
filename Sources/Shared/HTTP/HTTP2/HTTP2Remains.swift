// SPDX-License-Identifier: Apache-2.0

/// Streams of a connection that has ended. Giving back the memory of thousands, or of many megabytes,
/// takes milliseconds, so it is done in pieces.
package final class HTTP2Remains {
    private var streams: [HTTP2Stream?] = []

    /// A stream and its place, in bytes of a queue that take as long.
    private static let streamPrice = 2 << 10

    init() {}

    func add(_ table: StreamTable) {
        if streams.isEmpty {
            streams = table.all
        } else {
            streams += table.all
        }
    }

    package var isEmpty: Bool { streams.isEmpty }

    /// Lets go of about so many bytes.
    package func release(_ byteCount: Int) {
        var left = byteCount
        while left > 0, let place = streams.popLast() {
            if let stream = place { left -= stream.queue.count + HTTP2Remains.streamPrice }
        }
    }
}
