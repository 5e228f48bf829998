// SPDX-License-Identifier: Apache-2.0

/// The open streams of a link. Stream numbers rise by two and live shortly, so a ring that is a
/// few times larger than their number finds each in one step; when two meet, it grows.
internal struct StreamRing {
    internal struct Stream {
        /// 0 when free.
        internal var number: UInt32 = 0
        /// Whose it is: the workload's own numbering.
        internal var slot: Int32 = 0
        /// Received and not yet given back to the peer's window.
        internal var owed: Int32 = 0
        /// How much the peer lets us send.
        internal var window: Int32 = 0
    }

    private var ring = [Stream](repeating: Stream(), count: 64)
    internal private(set) var count = 0

    internal func place(of number: UInt32) -> Int? {
        let place = Int(number >> 1) & (ring.count - 1)
        return ring[place].number == number && number != 0 ? place : nil
    }

    internal subscript(_ place: Int) -> Stream {
        get { ring[place] }
        set { ring[place] = newValue }
    }

    internal mutating func insert(_ stream: Stream) {
        var place = Int(stream.number >> 1) & (ring.count - 1)
        while ring[place].number != 0 {
            grow()
            place = Int(stream.number >> 1) & (ring.count - 1)
        }
        ring[place] = stream
        count += 1
    }

    internal mutating func remove(at place: Int) {
        ring[place] = Stream()
        count -= 1
    }

    internal var all: [Stream] { ring.filter { $0.number != 0 } }

    internal mutating func widenWindows(by change: Int32) {
        for place in ring.indices where ring[place].number != 0 { ring[place].window &+= change }
    }

    /// Those that were apart stay apart in a larger ring.
    private mutating func grow() {
        let streams = all
        ring = [Stream](repeating: Stream(), count: ring.count * 2)
        for stream in streams { ring[Int(stream.number >> 1) & (ring.count - 1)] = stream }
    }
}
