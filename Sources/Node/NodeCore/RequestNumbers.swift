// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// Request ids as etcd makes them: 16 bits of the member, 40 bits of milliseconds at start, 8 bits
/// to count; then plain counting. Two lives of one member never share an id.
struct RequestNumbers {
    private var last: UInt64

    init(memberID: MemberID, startedAt milliseconds: UInt64) {
        let low = (milliseconds & ((1 << 40) - 1)) << 8
        last = memberID.number << 48 | low
    }

    mutating func next() -> UInt64 {
        last &+= 1
        return last
    }
}
