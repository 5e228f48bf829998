// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// Chunks on their way out. Small ones share an array, large ones are never copied, and what was
/// sent is forgotten without moving the rest.
internal struct OutputQueue {
    private static let smallByteCount = 1024
    private static let sharedByteCount = 16 * 1024

    private var chunks: [[UInt8]] = []
    /// The first chunk not wholly sent, and how much of it was.
    private var head = 0
    private var headOffset = 0
    private(set) var byteCount = 0

    var isEmpty: Bool { byteCount == 0 }

    mutating func append(_ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        byteCount += bytes.count
        let last = chunks.count - 1
        if last >= head, bytes.count <= OutputQueue.smallByteCount,
            chunks[last].count + bytes.count <= OutputQueue.sharedByteCount
        {
            chunks[last].append(contentsOf: bytes)
        } else {
            chunks.append(bytes)
        }
    }

    /// Writes until nothing is left (true) or nothing fits (false).
    mutating func flush(to socket: Socket) throws(PosixError) -> Bool {
        while byteCount > 0 {
            guard let count = try socket.write(chunks[head...], skipping: headOffset) else {
                return false
            }
            drop(count)
        }
        return true
    }

    mutating func removeAll() {
        self = OutputQueue()
    }

    private mutating func drop(_ count: Int) {
        byteCount -= count
        var rest = count
        while rest > 0 {
            let left = chunks[head].count - headOffset
            if rest < left {
                headOffset += rest
                return forgetSent()
            }
            rest -= left
            chunks[head] = []
            head += 1
            headOffset = 0
        }
        forgetSent()
    }

    private mutating func forgetSent() {
        if head == chunks.count {
            chunks.removeAll(keepingCapacity: chunks.capacity <= 1024)
            head = 0
        } else if head >= 1024, head * 2 >= chunks.count {
            chunks.removeFirst(head)
            head = 0
        }
    }
}
