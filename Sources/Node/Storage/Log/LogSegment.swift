// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// One file of the log.
struct LogSegment: Equatable {
    var sequence: UInt64
    var path: String
    var identity: UInt64
    /// The highest index of any entry in it.
    var highest: LogIndex

    struct Fresh {
        var segment: LogSegment
        var file: any DiskFile
        var capacity: Int64
        var position: LogPosition
    }

    /// A new segment with its head. It gets its name only when all of it is durable, and the name
    /// is durable when this returns. `spare` bytes fit behind the head at least.
    static func create(
        on disk: any Disk, directory: String, head: SegmentHead, identity: UInt64,
        start: LogPosition, size: Int64, spare: Int64
    ) throws(DiskError) -> Fresh {
        var builder = FrameBuilder(at: start, segment: identity, durableThrough: 0, reusing: [])
        builder.append(head)
        let path = "\(directory)/\(LogFormat.name(head.sequence))"
        let temporary = "\(directory)/\(hexadecimal(head.sequence))\(LogFormat.unfinishedSuffix)"
        let capacity = max(size, builder.position.offset + spare)
        let file = try disk.open(temporary, .create)
        do throws(DiskError) {
            try file.allocate(to: capacity)
            try file.write(builder.writer.bytes, at: 0)
            try file.sync()
            try disk.rename(temporary, to: path)
        } catch {
            file.close()
            if error.isNoSpace {
                // Give the room back; the next attempt empties the file anyway if this fails.
                _ = try? disk.remove(temporary)
            }
            throw error
        }
        do throws(DiskError) {
            try disk.syncDirectory(directory)
        } catch {
            file.close()
            throw error
        }
        let segment = LogSegment(
            sequence: head.sequence, path: path, identity: identity, highest: .zero)
        return Fresh(
            segment: segment, file: file, capacity: capacity, position: builder.position)
    }
}
