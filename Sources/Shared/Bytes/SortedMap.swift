// SPDX-License-Identifier: Apache-2.0

/// A small map that is always walked in key order, so it may reach an effect where a `Dictionary`
/// may not. Look-ups are binary searches; inserts move what is behind.
package struct SortedMap<Key: Comparable, Value> {
    package private(set) var keys: [Key] = []
    package private(set) var values: [Value] = []

    package init() {}

    package var count: Int { keys.count }
    package var isEmpty: Bool { keys.isEmpty }

    package subscript(key: Key) -> Value? {
        get {
            let at = position(of: key)
            return at < keys.count && keys[at] == key ? values[at] : nil
        }
        set {
            let at = position(of: key)
            let found = at < keys.count && keys[at] == key
            switch (newValue, found) {
            case (let value?, true): values[at] = value
            case (let value?, false):
                keys.insert(key, at: at)
                values.insert(value, at: at)
            case (nil, true):
                keys.remove(at: at)
                values.remove(at: at)
            case (nil, false): break
            }
        }
    }

    /// Changes a value in place without copying it; nil when the key is absent.
    package mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        let at = position(of: key)
        guard at < keys.count, keys[at] == key else { return nil }
        return body(&values[at])
    }

    package mutating func removeAll() {
        keys.removeAll()
        values.removeAll()
    }

    /// The index of the first key that is not before `key`.
    package func position(of key: Key) -> Int {
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension SortedMap: Sequence {
    package func makeIterator() -> Zip2Sequence<[Key], [Value]>.Iterator {
        zip(keys, values).makeIterator()
    }
}

extension SortedMap: Sendable where Key: Sendable, Value: Sendable {}
extension SortedMap: Equatable where Value: Equatable {}
