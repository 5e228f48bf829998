// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Bytes that wait for a window: a list of arrays with an offset into the first one, so neither a
/// large message nor many small ones are ever moved.
struct ChunkQueue {
    private var chunks: [[UInt8]] = []
    private var head = 0
    private var offset = 0
    private(set) var count = 0
    /// The last chunk was made here and may still grow.
    private var tailGrows = false

    private static let smallCount = 4096
    private static let tailCountMax = 32_768

    @inline(__always) var isEmpty: Bool { count == 0 }

    mutating func append(_ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        count += bytes.count
        if bytes.count > Self.smallCount {
            chunks.append(bytes)
            tailGrows = false
        } else if tailGrows, chunks[chunks.count - 1].count + bytes.count <= Self.tailCountMax {
            chunks[chunks.count - 1].append(contentsOf: bytes)
        } else {
            chunks.append(bytes)
            tailGrows = true
        }
    }

    mutating func move(_ wanted: Int, into output: inout [UInt8]) {
        invariant(wanted <= count, "\(wanted) bytes wanted of \(count)")
        var left = wanted
        while left > 0 {
            let size = min(left, chunks[head].count - offset)
            output.append(chunks[head], from: offset, count: size)
            left -= size
            offset += size
            if offset == chunks[head].count { dropHead() }
        }
        count -= wanted
    }

    mutating func removeAll() {
        self = ChunkQueue()
    }

    private mutating func dropHead() {
        chunks[head] = []
        head += 1
        offset = 0
        if head == chunks.count {
            chunks.removeAll(keepingCapacity: chunks.capacity <= 64)
            head = 0
            tailGrows = false
        } else if head >= 64, head * 2 >= chunks.count {
            chunks.removeFirst(head)
            head = 0
        }
    }
}
