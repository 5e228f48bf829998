// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Posix

/// Makes the requests of a closed loop.
internal protocol RequestWriter: AnyObject {
    var method: Method { get }
    var wantsAnswers: Bool { get }
    /// How many compares did not hold, though nothing is wrong: the first on each key of old data.
    var mismatches: Int { get }
    /// A gRPC message, for a slot; `number` counts all requests.
    func next(_ slot: Int, _ number: Int) -> [UInt8]
    func answered(_ slot: Int, _ message: UnsafeRawBufferPointer)
}

extension RequestWriter {
    internal var wantsAnswers: Bool { false }
    internal var mismatches: Int { 0 }
    internal func answered(_ slot: Int, _ message: UnsafeRawBufferPointer) {}
}

internal final class PutWriter: RequestWriter {
    internal let method = Method.put
    private let keyCount: Int
    private let isFilling: Bool
    private var random: Random
    private var body: Body

    internal init(_ options: Options) {
        keyCount = options.keyCount
        isFilling = options.workload == .fill
        random = Random(seed: options.seed)
        let prefix = isFilling ? Listing.prefix : ClosedLoop.prefix
        let value = random.bytes(options.valueByteCount)
        body = Body(Requests.put(Requests.key(prefix), value), numberedAfter: prefix)
    }

    internal func next(_ slot: Int, _ number: Int) -> [UInt8] {
        body.number(isFilling ? number : random.below(keyCount))
        return body.bytes
    }
}

internal final class GetWriter: RequestWriter {
    internal let method = Method.range
    private let keyCount: Int
    private var random: Random
    private var body: Body

    internal init(_ options: Options) {
        keyCount = options.keyCount
        random = Random(seed: options.seed)
        let request = Requests.get(
            Requests.key(ClosedLoop.prefix), serializable: options.workload == .serializableGet)
        body = Body(request, numberedAfter: ClosedLoop.prefix)
    }

    internal func next(_ slot: Int, _ number: Int) -> [UInt8] {
        body.number(random.below(keyCount))
        return body.bytes
    }
}

internal final class GrantWriter: RequestWriter {
    internal let method = Method.leaseGrant
    private let seconds: UInt64
    private let first: Int64

    internal init(_ options: Options, seconds: UInt64) {
        self.seconds = seconds
        // Another run on the same members must not meet its own leases.
        first = WallClock.nanoseconds
    }

    internal func next(_ slot: Int, _ number: Int) -> [UInt8] {
        Body(Requests.grant(first + Int64(number), seconds: seconds)).bytes
    }
}

/// Keys belong to slots, so that no two writers meet: what fails is the server's doing.
internal final class TxnWriter: RequestWriter {
    internal let method = Method.txn
    internal let wantsAnswers = true
    internal private(set) var mismatches = 0
    private let keysPerSlot: Int
    private let slotCount: Int
    private let value: [UInt8]
    private var random: Random
    /// By the size of the revision as a varint.
    private var bodies: [(body: Body, revisionOffset: Int)?] = Array(repeating: nil, count: 11)
    /// The last revision seen of each key, and the key that each slot is about.
    private var revisions: [Int64]
    private var keys: [Int]

    internal init(_ options: Options) {
        slotCount = options.inFlight
        keysPerSlot = max(1, options.keyCount / options.inFlight)
        random = Random(seed: options.seed)
        value = random.bytes(options.valueByteCount)
        revisions = Array(repeating: 0, count: keysPerSlot * slotCount)
        keys = Array(repeating: 0, count: slotCount)
    }

    internal func next(_ slot: Int, _ number: Int) -> [UInt8] {
        let key = slot + slotCount * random.below(keysPerSlot)
        keys[slot] = key
        let revision = revisions[key]
        let size = varintSize(UInt64(revision))
        if bodies[size] == nil { bodies[size] = body(revision) }
        bodies[size]?.body.number(key)
        patch(size, UInt64(revision))
        return bodies[size]?.body.bytes ?? []
    }

    private func body(_ revision: Int64) -> (body: Body, revisionOffset: Int) {
        let key = Requests.key(ClosedLoop.prefix)
        let message = Requests.txn(key, value, revision: revision)
        let body = Body(message, numberedAfter: ClosedLoop.prefix)
        // The revision follows the first key and its own tag.
        let offset = (body.offset(of: key) ?? 0) + key.count + 1
        return (body, offset)
    }

    private func patch(_ size: Int, _ revision: UInt64) {
        guard let offset = bodies[size]?.revisionOffset else { return }
        var rest = revision
        for index in 0..<size {
            let more: UInt8 = index + 1 < size ? 0x80 : 0
            bodies[size]?.body.overwrite(
                at: offset + index, UInt8(truncatingIfNeeded: rest & 127) | more)
            rest >>= 7
        }
    }

    internal func answered(_ slot: Int, _ message: UnsafeRawBufferPointer) {
        var revision: UInt64 = 0
        var succeeded = false
        var fields = unsafe Fields(message)
        while fields.next() {
            switch fields.field {
            case 1: revision = unsafe Fields.number(3, in: fields.body)
            case 2: succeeded = fields.value != 0
            // TxnResponse.responses, response_range, kvs, mod_revision: what there is instead.
            case 3 where !succeeded:
                revision = unsafe Fields.number(3, in: inner(2, of: inner(1, of: fields.body)))
            default: break
            }
        }
        if !succeeded { mismatches += 1 }
        revisions[keys[slot]] = Int64(clamping: revision)
    }

    private func inner(
        _ wanted: Int, of bytes: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        var fields = unsafe Fields(bytes)
        while fields.next() {
            if fields.field == wanted { return unsafe fields.body }
        }
        return unsafe UnsafeRawBufferPointer(rebasing: bytes[0..<0])
    }
}
