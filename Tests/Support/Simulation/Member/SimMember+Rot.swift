// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Recovery
internal import SimulatedDisk
internal import Storage

/// A bit that is not what was written.
struct Rot {
    var path: String
    var offset: Int
}

// Bits that flip while the machine is down. They are flipped only where the formats promise to see
// it: in checkpoints and their sums, and in as much of the log as a later frame or segment vouches
// for. What the last sync of a log wrote looks like a torn write when it is damaged, and is cut.
extension SimMember {
    /// False when there is nothing on the disk yet that could be damaged.
    func flipBit() -> Bool {
        var targets = rotTargets()
        let checkpoints = targets.filter { $0.path.contains("/db") }
        // There are many files of the log and few others.
        if !checkpoints.isEmpty, random.chance(percent: 60) { targets = checkpoints }
        guard !targets.isEmpty else { return false }
        let (path, size) = targets[random.below(targets.count)]
        let rot = Rot(path: path, offset: random.below(size))
        disk.flipBit(path, offset: rot.offset, bit: random.below(8))
        self.rot = rot
        world.count("bit flipped")
        world.say("\(name): a bit of \(path) flips at \(rot.offset)")
        return true
    }

    /// Files, and how many of their first bytes are vouched for.
    private func rotTargets() -> [(path: String, size: Int)] {
        let paths = disk.paths
        // While sums are to replace others, they make good what happens to those, and which of the
        // two belong to the database is told by its first block: damage is seen, but not where.
        let isPublishing = paths.contains { $0.hasSuffix("/db.next.sums") }
        let lastSegment = paths.last { $0.hasSuffix(".log") }
        return paths.compactMap { path in
            guard let bytes = disk.contents(path) else { return nil }
            var size = 0
            if path.hasSuffix(".log") {
                let frames = LogFrames(bytes)
                size = path == lastSegment ? frames.vouched : frames.end
            } else if !isPublishing, path.hasSuffix("/db") || path.hasSuffix("/db.sums") {
                size = bytes.count
            }
            return size > 0 ? (path, size) : nil
        }
    }

    /// The start must end like this.
    func refused(_ error: RecoveryError, for rot: Rot) {
        self.rot = nil
        guard case .storage(.damaged(let path, let offset, _)) = error, path == rot.path,
            offset <= Int64(rot.offset)
        else {
            return world.fail(
                .recovery,
                "\(name): \(rot.path) is damaged at \(rot.offset), but it was refused for \(error)")
        }
        world.count(path.hasSuffix(".log") ? "damaged log refused" : "damaged checkpoint refused")
        leaveForEver(reason: "refuses to start: \(error)")
        world.nemesis?.refusedStart(self)
    }

    func missed(_ rot: Rot) {
        world.fail(
            .recovery, "\(name) started although \(rot.path) is damaged at \(rot.offset)")
    }
}

/// Walks over the whole frames of a segment as the format describes them. One that a power cut has
/// torn vouches for nothing.
private struct LogFrames {
    /// Where the last whole frame ends.
    private(set) var end = 0
    /// How far the segment was synced, as far as its frames say.
    private(set) var vouched = 0

    private static let headerSize = 40

    init(_ bytes: [UInt8]) {
        var identity: UInt64?
        while end + Self.headerSize <= bytes.count {
            var reader = ByteReader(bytes, from: end + 4, to: end + Self.headerSize)
            var start = ByteReader(bytes, from: end, to: end + 4)
            guard let sum = try? start.littleEndian(UInt32.self),
                let length = try? reader.littleEndian(UInt32.self),
                let segment = try? reader.littleEndian(UInt64.self),
                (try? reader.littleEndian(UInt64.self)) != nil,
                let durable = try? reader.littleEndian(UInt64.self)
            else { return }
            let next = end + Self.headerSize + (Int(length) + 7) & ~7
            guard segment != 0, segment == identity ?? segment, next <= bytes.count,
                durable <= UInt64(end),
                CRC32C.of(Array(bytes[(end + 4)..<next])) == sum
            else { return }
            identity = segment
            vouched = max(vouched, Int(durable))
            end = next
        }
    }
}
