// SPDX-License-Identifier: Apache-2.0

/// Negative, zero or positive as `left` sorts before, with or after `right`, bytewise. Eight bytes
/// a step: read big-endian, words order as their bytes do.
@inline(__always)
func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let common = min(left.count, right.count)
    guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else {
        return left.count - right.count
    }
    var at = 0
    while at &+ 8 <= common {
        let one = unsafe leftBase.loadUnaligned(fromByteOffset: at, as: UInt64.self).bigEndian
        let two = unsafe rightBase.loadUnaligned(fromByteOffset: at, as: UInt64.self).bigEndian
        if one != two { return one < two ? -1 : 1 }
        at &+= 8
    }
    while at < common {
        let one = unsafe leftBase.load(fromByteOffset: at, as: UInt8.self)
        let two = unsafe rightBase.load(fromByteOffset: at, as: UInt8.self)
        if one != two { return one < two ? -1 : 1 }
        at &+= 1
    }
    return left.count - right.count
}

func compareBytes(_ left: [UInt8], _ right: [UInt8]) -> Int {
    unsafe left.withUnsafeBytes { one in
        unsafe right.withUnsafeBytes { two in unsafe compareBytes(one, two) }
    }
}

/// The hash of a key: a 64 by 64 bit multiplication folded for each eight bytes.
func hashBytes(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt32 {
    var hash = seed ^ UInt64(truncatingIfNeeded: bytes.count)
    var at = 0
    while at &+ 8 <= bytes.count {
        hash = unsafe fold(hash ^ bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        at &+= 8
    }
    var tail: UInt64 = 0
    while at < bytes.count {
        tail = unsafe tail << 8 | UInt64(bytes[at])
        at &+= 1
    }
    hash = fold(hash ^ tail ^ 0xA076_1D64_78BD_642F)
    return UInt32(truncatingIfNeeded: hash ^ (hash >> 32))
}

@inline(__always)
private func fold(_ word: UInt64) -> UInt64 {
    let product = (word ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
}
