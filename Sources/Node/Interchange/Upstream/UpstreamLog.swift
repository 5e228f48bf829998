// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Raft
package import Storage

/// A checkpoint as etcd's log names it.
package struct UpstreamMark: Equatable, Sendable {
    package var index: LogIndex
    package var term: Term
}

/// etcd's log, read through once: who wrote it, its newest hard state, its checkpoints, and where
/// each entry lies that was not replaced by a later one. The entries themselves are read again
/// when they are wanted.
package struct UpstreamLog {
    struct Place: Equatable {
        var term: Term
        var offset: Int64
        var segment: Int32
    }

    struct SegmentName: Equatable {
        var name: String
        var sequence: UInt64

        /// Nil for any other file.
        init?(_ name: String) {
            guard name.hasSuffix(".wal"), name.utf8.count == 37 else { return nil }
            let parts = name.dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, let sequence = hexadecimalNumber(parts[0]),
                hexadecimalNumber(parts[1]) != nil
            else { return nil }
            self.name = name
            self.sequence = sequence
        }
    }

    package let metadata: LogMetadata
    package let hardState: HardState
    package let marks: [UpstreamMark]
    /// Of the first entry that is kept; the entries are consecutive.
    package let base: LogIndex
    private let places: [Place]
    /// Bytes of an unfinished last write; they do not count.
    package let tornByteCount: Int64
    private let disk: any Disk
    private let paths: [String]

    package var last: LogIndex { LogIndex(base.number + UInt64(places.count) - 1) }
    package var isEmpty: Bool { places.isEmpty }

    package func term(at index: LogIndex) -> Term? {
        guard index >= base, index <= last, !places.isEmpty else { return nil }
        return places[Int(index.number - base.number)].term
    }

    // MARK: Reading it through

    package static func read(
        _ directory: String, on disk: any Disk, progress: ByteCounter = { _ in }
    ) throws(InterchangeError) -> UpstreamLog {
        let names = try segments(directory, disk)
        let paths = names.map { "\(directory)/\($0.name)" }
        var survey = Survey()
        var sum: UInt32 = 0
        var done: Int64 = 0
        for (number, path) in paths.enumerated() {
            let file = try onDisk { () throws(DiskError) in try disk.open(path, .readOnly) }
            defer { file.close() }
            var segment = try UpstreamSegment(
                file, isLast: number == paths.count - 1, sum: sum)
            try survey.take(&segment, Int32(number)) { progress(done + $0) }
            done += segment.size
            sum = segment.sum
        }
        guard let metadata = survey.metadata else {
            throw .refused(
                "\(directory) holds no whole record: this log never belonged to a member")
        }
        return UpstreamLog(metadata, survey, disk, paths)
    }

    private init(
        _ metadata: LogMetadata, _ survey: Survey, _ disk: any Disk, _ paths: [String]
    ) {
        self.metadata = metadata
        hardState = survey.hardState
        marks = survey.marks
        base = survey.base
        places = survey.places
        tornByteCount = survey.tornByteCount
        self.disk = disk
        self.paths = paths
    }

    /// The size of all segments.
    package static func byteCount(
        _ directory: String, on disk: any Disk
    ) throws(InterchangeError) -> Int64 {
        var sum: Int64 = 0
        for name in try segments(directory, disk) {
            let path = "\(directory)/\(name.name)"
            sum += try onDisk { () throws(DiskError) in
                let file = try disk.open(path, .readOnly)
                defer { file.close() }
                return try file.size()
            }
        }
        return sum
    }

    /// The newest ones without a gap between them.
    private static func segments(
        _ directory: String, _ disk: any Disk
    ) throws(InterchangeError) -> [SegmentName] {
        let names = try onDisk { () throws(DiskError) in try disk.list(directory) }
        let all = names.compactMap { SegmentName($0) }.sorted { $0.sequence < $1.sequence }
        guard !all.isEmpty else {
            throw .refused("\(directory) holds no log of etcd (no file NAME.wal)")
        }
        var first = all.count - 1
        while first > 0, all[first - 1].sequence == all[first].sequence - 1 { first -= 1 }
        return Array(all[first...])
    }

    // MARK: Entries again

    /// Hands out the entries from `first` on, in order.
    func forEach<Failure: Error>(
        from first: LogIndex, through end: LogIndex, _ convert: (InterchangeError) -> Failure,
        _ body: (Entry) throws(Failure) -> Void
    ) throws(Failure) {
        var open: (number: Int32, file: any DiskFile, segment: UpstreamSegment)?
        defer { open?.file.close() }
        var index = max(first, base)
        while index <= min(end, last), !places.isEmpty {
            let place = places[Int(index.number - base.number)]
            let entry: Entry
            do throws(InterchangeError) {
                if open?.number != place.segment {
                    open?.file.close()
                    open = nil
                    let path = paths[Int(place.segment)]
                    let disk = disk
                    let file = try onDisk { () throws(DiskError) in
                        try disk.open(path, .readOnly)
                    }
                    open = (place.segment, file, try UpstreamSegment(file, isLast: false))
                }
                entry = try UpstreamLog.entry(&open, place, index)
            } catch {
                throw convert(error)
            }
            try body(entry)
            index = index.next
        }
    }

    private static func entry(
        _ open: inout (number: Int32, file: any DiskFile, segment: UpstreamSegment)?,
        _ place: Place, _ index: LogIndex
    ) throws(InterchangeError) -> Entry {
        let data = try open?.segment.record(at: place.offset).data ?? []
        let path = open?.segment.path ?? ""
        let reason: String
        do throws(RaftError) {
            let entry = try MessageCodec.decodeEntry(data)
            if entry.index == index, entry.term == place.term { return entry }
            reason = "it is entry \(entry.index) of term \(entry.term) now"
        } catch {
            reason = "\(error)"
        }
        throw .damaged(
            path: path, offset: place.offset,
            reason: "the record changed while it was read: \(reason)")
    }
}

/// What has been read of a log so far.
private struct Survey {
    var metadata: LogMetadata?
    private var metadataBytes: [UInt8] = []
    var hardState = HardState()
    var marks: [UpstreamMark] = []
    var base = LogIndex(1)
    var places: [UpstreamLog.Place] = []
    var tornByteCount: Int64 = 0

    mutating func take(
        _ segment: inout UpstreamSegment, _ number: Int32, _ progress: ByteCounter
    ) throws(InterchangeError) {
        var told: Int64 = 0
        while true {
            let start = segment.offset
            switch try segment.next() {
            case .end: return
            case .torn:
                tornByteCount = segment.size - start
                return
            case .record(let record):
                if let reason = take(
                    record,
                    UpstreamLog.Place(
                        term: .zero, offset: start, segment: number))
                {
                    throw .damaged(path: segment.path, offset: start, reason: reason)
                }
            }
            if segment.offset - told > 1 << 20 {
                told = segment.offset
                progress(told)
            }
        }
    }

    /// Why the record cannot be, or nil.
    private mutating func take(_ record: UpstreamRecord, _ place: UpstreamLog.Place) -> String? {
        do throws(RaftError) {
            switch record.kind {
            case .sum: return nil
            case .metadata: return take(metadata: record.data)
            case .state: hardState = try MessageCodec.decodeHardState(record.data)
            case .snapshot: marks.append(try Survey.mark(record.data))
            case .entry:
                let entry = try MessageCodec.decodeEntry(record.data)
                var place = place
                place.term = entry.term
                return take(entry.index, place)
            }
            return nil
        } catch {
            return "a record of type \(record.kind.rawValue) does not decode"
        }
    }

    /// etcdserverpb.Metadata: 1 node, 2 cluster.
    private mutating func take(metadata bytes: [UInt8]) -> String? {
        if metadata != nil {
            return bytes == metadataBytes ? nil : "conflicting metadata: two members wrote this log"
        }
        var reader = ByteReader(bytes)
        var node: UInt64 = 0
        var cluster: UInt64 = 0
        do throws(ByteError) {
            while let (number, wire) = try reader.tag() {
                switch (number, wire) {
                case (1, 0): node = try reader.varint()
                case (2, 0): cluster = try reader.varint()
                default: try reader.skipField(wire: wire)
                }
            }
        } catch {
            return "the metadata does not decode"
        }
        metadata = LogMetadata(memberID: MemberID(node), clusterID: ClusterID(cluster))
        metadataBytes = bytes
        return node == 0 ? "the metadata names no member" : nil
    }

    /// walpb.Snapshot: 1 index, 2 term, 3 configuration, which older ones lack.
    private static func mark(_ bytes: [UInt8]) throws(RaftError) -> UpstreamMark {
        // The first two fields lie as those of a hard state do.
        let numbers = try MessageCodec.decodeHardState(bytes)
        return UpstreamMark(
            index: LogIndex(numbers.term.number), term: Term(numbers.vote.number))
    }

    private mutating func take(_ index: LogIndex, _ place: UpstreamLog.Place) -> String? {
        guard index.number > 0, index.number < 1 << 62 else { return "entry \(index) cannot be" }
        let next = base.number + UInt64(places.count)
        if places.isEmpty {
            base = index
        } else if index.number > next {
            // A checkpoint from the leader took the place of the entries in between.
            guard marks.last?.index.next == index else {
                return "entry \(index) follows entry \(next - 1)"
            }
            places.removeAll()
            base = index
        } else if index < base {
            places.removeAll()
            base = index
        } else {
            places.removeLast(Int(next - index.number))
        }
        if let before = places.last, place.term < before.term {
            return "entry \(index) is of term \(place.term), behind one of term \(before.term)"
        }
        places.append(place)
        return nil
    }
}

/// What 16 lower-case hexadecimal digits spell.
func hexadecimalNumber(_ digits: Substring) -> UInt64? {
    guard digits.utf8.count == 16 else { return nil }
    for digit in digits.utf8 {
        let isDigit = (0x30...0x39).contains(digit) || (0x61...0x66).contains(digit)
        if !isDigit { return nil }
    }
    return UInt64(digits, radix: 16)
}
