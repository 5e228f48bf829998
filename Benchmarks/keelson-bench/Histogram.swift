// SPDX-License-Identifier: Apache-2.0

/// Latencies in nanoseconds, kept to within 1.6 %: 64 buckets for each power of two.
internal struct Histogram {
    private static let subBits = 6

    private var buckets = [UInt32](repeating: 0, count: 64 << Histogram.subBits)
    internal private(set) var count = 0
    internal private(set) var largest: Int64 = 0

    internal mutating func record(_ nanoseconds: Int64) {
        buckets[Histogram.bucket(of: nanoseconds)] &+= 1
        count += 1
        largest = max(largest, nanoseconds)
    }

    /// The latency that `share` of all (0 to 1) do not exceed.
    internal func quantile(_ share: Double) -> Int64 {
        let wanted = Int((Double(count) * share).rounded(.up))
        var seen = 0
        for (bucket, count) in buckets.enumerated() {
            seen += Int(count)
            if seen >= wanted, seen > 0 { return min(largest, Histogram.top(of: bucket)) }
        }
        return largest
    }

    private static func bucket(of value: Int64) -> Int {
        let bits = UInt64(clamping: value)
        let width = UInt64.bitWidth - bits.leadingZeroBitCount
        let shift = max(0, width - subBits - 1)
        return shift << subBits + Int(truncatingIfNeeded: bits >> UInt64(shift))
    }

    private static func top(of bucket: Int) -> Int64 {
        // Below two rows of buckets, values stand for themselves.
        let shift = max(0, bucket >> subBits - 1)
        let rest = bucket - shift << subBits
        return (Int64(rest) + 1) << Int64(shift) - 1
    }
}
