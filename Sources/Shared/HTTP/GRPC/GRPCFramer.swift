// SPDX-License-Identifier: Apache-2.0

/// Whole gRPC messages out of a stream's data: a flag byte, four bytes of length, the message.
struct GRPCFramer {
    static let prefixCount = 5

    enum Step: Equatable {
        case message([UInt8])
        case needsMore
        case refused(GRPCStatus)
    }

    /// Memory is set aside for this much of a message that was only announced.
    private static let trustedCount = 1024

    private var prefix: UInt64 = 0
    private var prefixHave = 0
    private var body: [UInt8] = []
    /// -1 between messages.
    private var missing = -1

    /// Bytes of a message that is not all there.
    var heldCount: Int { body.count }
    /// A message has begun.
    var isInside: Bool { prefixHave > 0 || missing >= 0 }

    mutating func reset() {
        if isInside { self = GRPCFramer() }
    }

    /// The next message in `data` from `at` on, which moves past what was used.
    mutating func next(_ data: ByteView, _ at: inout Int, limit: Int) -> Step {
        if missing >= 0 { return fill(data, &at) }
        if prefixHave == 0, data.count &- at >= Self.prefixCount {
            prefix = UInt64(data[at]) << 32 | UInt64(data.bigEndian32(at: at &+ 1))
            at &+= Self.prefixCount
        } else {
            while prefixHave < Self.prefixCount {
                if at == data.count { return .needsMore }
                prefix = prefix << 8 | UInt64(data[at])
                prefixHave += 1
                at &+= 1
            }
            prefixHave = 0
        }
        let flag = prefix >> 32
        let count = Int(prefix & 0xffff_ffff)
        prefix = 0
        if flag != 0 { return .refused(Self.refusal(flag)) }
        if count > limit { return .refused(.tooLarge(count, limit)) }
        if data.count &- at >= count {
            defer { at &+= count }
            return .message(data.part(from: at, count: count).array)
        }
        missing = count
        body.reserveCapacity(min(count, max(Self.trustedCount, data.count &- at)))
        return fill(data, &at)
    }

    private mutating func fill(_ data: ByteView, _ at: inout Int) -> Step {
        let count = min(missing, data.count &- at)
        data.part(from: at, count: count).append(to: &body)
        at &+= count
        missing -= count
        if missing > 0 { return .needsMore }
        missing = -1
        let message = body
        body = []
        return .message(message)
    }

    private static func refusal(_ flag: UInt64) -> GRPCStatus {
        flag == 1
            ? GRPCStatus(
                .unimplemented, "grpc: compressed flag set with identity or empty encoding")
            : GRPCStatus(.internalError, "grpc: received unexpected payload format \(flag)")
    }
}
