// SPDX-License-Identifier: Apache-2.0

/// Addresses for pods out of one network of the loopback, `127.x.0.0/16`: each pod has one of its
/// own, so that all may use the same ports. An address rests as long as possible before it is used
/// again, as somebody may still look for its last owner there.
struct Addresses {
    private let network: UInt8
    private var next: UInt32 = 0
    private var taken: Set<UInt32> = []

    private static let count: UInt32 = 254 * 254

    /// `network` is the second number.
    init(network: UInt8) {
        self.network = network
    }

    /// Nil if there are as many pods as addresses.
    mutating func take() -> String? {
        for _ in 0..<Addresses.count {
            let number = next
            next = (next + 1) % Addresses.count
            if taken.insert(number).inserted { return text(number) }
        }
        return nil
    }

    mutating func give(back address: String) {
        let parts = address.split(separator: ".").compactMap { UInt32($0) }
        guard parts.count == 4, parts[3] >= 1 else { return }
        taken.remove(parts[2] * 254 + parts[3] - 1)
    }

    private func text(_ number: UInt32) -> String {
        "127.\(network).\(number / 254).\(number % 254 + 1)"
    }
}
