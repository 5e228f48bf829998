// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The bytes of one file: as the process sees them, as the platter holds them, and the changes in
/// between, in order. A write costs its own size, not the file's.
final class SimulatedInode {
    private(set) var current: [UInt8] = []
    private var durable: [UInt8] = []
    private var pending: [Change] = []

    fileprivate enum Change {
        case write(offset: Int, bytes: [UInt8])
        case resize(size: Int)
    }

    var count: Int { current.count }

    // MARK: The process

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let count = max(0, min(buffer.count, current.count - offset))
        if count == 0 { return 0 }
        unsafe current.withUnsafeBytes { bytes in
            unsafe buffer.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
        }
        return count
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        if unsafe bytes.isEmpty { return }
        unsafe pending.append(.write(offset: offset, bytes: Array(bytes)))
        unsafe current.put(bytes, at: offset)
    }

    func resize(to size: Int) {
        pending.append(.resize(size: size))
        current.resize(to: size)
    }

    func mutateBoth(_ body: (inout [UInt8]) -> Void) {
        body(&current)
        sync()
        body(&durable)
        if durable.count != current.count { durable = current }
    }

    // MARK: The platter

    func sync() {
        for change in pending { durable.apply(change) }
        pending.removeAll(keepingCapacity: true)
    }

    /// The pages that could not be written count as clean from now on; some of them were written.
    func failSync(seed: UInt64) {
        tear(seed: seed)
        pending.removeAll()
    }

    func crash(_ mode: SimulatedDisk.CrashMode, seed: UInt64) {
        switch mode {
        case .losesAll: break
        case .keepsAll: sync()
        case .tears: tear(seed: seed)
        }
        pending.removeAll()
        current = durable
    }

    /// Each sector keeps the first few of the changes that touched it, a number drawn for each; so
    /// does the size.
    private func tear(seed: UInt64) {
        if pending.isEmpty { return }
        var random = Random(seed: seed)
        let salt = random.next()
        let changeCount = pending.count
        // Now and then the whole file keeps or loses everything.
        let sizeLimit = random.below(changeCount + 1)
        func limit(_ sector: Int) -> Int {
            var drawn = Random(seed: salt ^ UInt64(sector) &* 0x9E37_79B9)
            return drawn.below(changeCount + 1)
        }
        var size = durable.count
        for (step, change) in pending.enumerated() {
            switch change {
            case .write(let offset, let bytes):
                durable.apply(offset: offset, bytes) { sector in step < limit(sector) }
                if step < sizeLimit { size = max(size, offset + bytes.count) }
            case .resize(let newSize):
                durable.clear(from: newSize) { sector in step < limit(sector) }
                if step < sizeLimit { size = newSize }
            }
        }
        durable.resize(to: size)
    }
}

extension [UInt8] {
    fileprivate mutating func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        if offset == count {
            unsafe append(contentsOf: bytes)
            return
        }
        if offset + bytes.count > count { resize(to: offset + bytes.count) }
        unsafe withUnsafeMutableBytes { target in
            unsafe UnsafeMutableRawBufferPointer(
                rebasing: target[offset..<offset + bytes.count]
            ).copyMemory(from: bytes)
        }
    }

    fileprivate mutating func resize(to size: Int) {
        if size < count {
            removeLast(count - size)
        } else {
            append(contentsOf: repeatElement(0, count: size - count))
        }
    }

    fileprivate mutating func apply(_ change: SimulatedInode.Change) {
        switch change {
        case .write(let offset, let bytes):
            unsafe bytes.withUnsafeBytes { bytes in unsafe put(bytes, at: offset) }
        case .resize(let size): resize(to: size)
        }
    }

    /// Writes those sectors of `bytes` that `keeps` chooses.
    fileprivate mutating func apply(offset: Int, _ bytes: [UInt8], keeps: (Int) -> Bool) {
        var start = offset
        while start < offset + bytes.count {
            let sector = start / 512
            let end = Swift.min(offset + bytes.count, (sector + 1) * 512)
            if keeps(sector) {
                unsafe bytes.withUnsafeBytes { bytes in
                    unsafe put(
                        UnsafeRawBufferPointer(rebasing: bytes[start - offset..<end - offset]),
                        at: start)
                }
            }
            start = end
        }
    }

    /// Zeros those sectors from `size` on that `keeps` chooses: a file cut there and grown again.
    fileprivate mutating func clear(from size: Int, keeps: (Int) -> Bool) {
        var start = size
        while start < count {
            let sector = start / 512
            let end = Swift.min(count, (sector + 1) * 512)
            if keeps(sector) {
                for offset in start..<end { self[offset] = 0 }
            }
            start = end
        }
    }
}
