// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import NodeCore

/// Draws what a client asks next. Every value that it writes is written by no other request.
struct RequestMaker {
    private let client: Int
    private let profile: Profile
    private var random: Random
    private var count = 0
    private var held: [Int64] = []

    init(client: Int, profile: Profile, seed: UInt64) {
        self.client = client
        self.profile = profile
        random = Random(seed: seed)
    }

    mutating func hold(_ lease: Int64) { held.append(lease) }
    mutating func release(_ lease: Int64) { held.removeAll { $0 == lease } }

    mutating func next(_ model: Model) -> Request {
        count += 1
        let weights = profile.weights.all
        var draw = random.below(weights.reduce(0, +))
        var kind = 0
        while draw >= weights[kind] {
            draw -= weights[kind]
            kind += 1
        }
        switch kind {
        case 0: return .put(put(key(), lease: random.chance(percent: 20) ? anyLease() : 0))
        case 1: return .range(RangeRequest(key: key()))
        case 2: return .range(RangeRequest(key: key(), serializable: true))
        case 3: return .range(range())
        case 4: return .deleteRange(delete())
        case 5: return .txn(swap(model))
        case 6: return .txn(transaction(model, depth: 0))
        case 7: return lease()
        case 8: return .compact(compaction(model))
        default: return .range(oldRead(model))
        }
    }

    // MARK: Parts

    private mutating func key() -> [UInt8] { Array("k\(random.below(profile.keyCount))".utf8) }

    private mutating func value() -> [UInt8] {
        count += 1
        let name = Array("c\(client)-\(count)".utf8)
        let padding = max(0, profile.extras.valueByteCount - name.count)
        return name + Array(repeating: UInt8(ascii: "."), count: padding)
    }

    private mutating func put(_ key: [UInt8], lease: Int64) -> PutRequest {
        PutRequest(key: key, value: value(), lease: lease, prevKV: random.chance(percent: 30))
    }

    private mutating func anyLease() -> Int64 {
        held.isEmpty ? 0 : held[random.below(held.count)]
    }

    private mutating func range() -> RangeRequest {
        var range = RangeRequest(key: key(), rangeEnd: random.chance(percent: 50) ? [0] : key())
        if range.rangeEnd != [0], !range.key.lexicographicallyPrecedes(range.rangeEnd) {
            range.rangeEnd = [0]
        }
        range.serializable = random.chance(percent: 10)
        range.countOnly = random.chance(percent: 10)
        range.keysOnly = random.chance(percent: 10)
        if random.chance(percent: 20) { range.limit = Int64(1 + random.below(4)) }
        if random.chance(percent: 10) { range.sortOrder = .descend }
        return range
    }

    private mutating func oldRead(_ model: Model) -> RangeRequest {
        var range = range()
        let oldest = max(1, model.compacted)
        range.revision = oldest + Int64(random.below(Int(max(1, model.revision - oldest + 1))))
        return range
    }

    private mutating func delete() -> DeleteRangeRequest {
        var delete = DeleteRangeRequest()
        delete.key = key()
        delete.prevKV = random.chance(percent: 30)
        if random.chance(percent: 15) { delete.rangeEnd = [0] }
        return delete
    }

    private mutating func compaction(_ model: Model) -> CompactionRequest {
        var compaction = CompactionRequest()
        let span = Int(max(1, model.revision - model.compacted))
        compaction.revision = model.compacted + 1 + Int64(random.below(span))
        compaction.physical = random.chance(percent: 30)
        return compaction
    }

    private mutating func lease() -> Request {
        let draw = random.below(10)
        if held.isEmpty || draw < 3 {
            var grant = LeaseGrantRequest()
            grant.ttl = profile.leaseTTLs[random.below(profile.leaseTTLs.count)]
            grant.id = Int64(client + 1) << 32 | Int64(count)
            return .leaseGrant(grant)
        }
        if draw < 5 { return .put(put(key(), lease: anyLease())) }
        if draw < 9 { return .leaseKeepAlive(anyLease()) }
        var revoke = LeaseRevokeRequest()
        revoke.id = anyLease()
        return .leaseRevoke(revoke)
    }

    // MARK: Transactions

    /// Writes a key if nobody has meanwhile, else reads it.
    private mutating func swap(_ model: Model) -> TxnRequest {
        let key = key()
        let known = model.live(key, .after(model.revision))
        let compare = Compare(
            result: .equal, target: .mod, key: key, targetUnion: .modRevision(known?.main ?? 0))
        return TxnRequest(
            compare: [compare], success: [.put(put(key, lease: 0))],
            failure: [.range(RangeRequest(key: key))])
    }

    private mutating func transaction(_ model: Model, depth: Int) -> TxnRequest {
        var keys = (0..<profile.keyCount).map { Array("k\($0)".utf8) }
        keys.shuffle(using: &random)
        var txn = TxnRequest()
        let watched = key()
        let known = model.live(watched, .after(model.revision))
        switch random.below(3) {
        case 0:
            txn.compare = [
                Compare(
                    result: .greater, target: .version, key: watched, targetUnion: .version(0))
            ]
        case 1:
            txn.compare = [
                Compare(
                    result: .equal, target: .value, key: watched,
                    targetUnion: .value(known?.value ?? []))
            ]
        default: break
        }
        let half = keys.count / 2
        txn.success = branch(Array(keys.prefix(half + 1)), model, depth)
        txn.failure = branch(Array(keys.dropFirst(half)), model, depth)
        return txn
    }

    /// No key of it is written twice.
    private mutating func branch(
        _ keys: [[UInt8]], _ model: Model, _ depth: Int
    ) -> [RequestOp] {
        var operations: [RequestOp] = []
        var keys = keys
        for _ in 0..<(1 + random.below(4)) {
            guard let key = keys.popLast() else { break }
            switch random.below(depth == 0 ? 5 : 4) {
            case 0, 1: operations.append(.put(put(key, lease: 0)))
            case 2: operations.append(.range(RangeRequest(key: key)))
            case 3:
                var delete = DeleteRangeRequest()
                delete.key = key
                operations.append(.deleteRange(delete))
            default:
                guard keys.count >= 2 else { continue }
                var nested = TxnRequest()
                let known = model.live(key, .after(model.revision))
                nested.compare = [
                    Compare(
                        result: .equal, target: .mod, key: key,
                        targetUnion: .modRevision(known?.main ?? 0))
                ]
                nested.success = branch([keys.removeLast()], model, 1)
                nested.failure = branch([keys.removeLast()], model, 1)
                operations.append(.txn(nested))
            }
        }
        return operations
    }
}
