// SPDX-License-Identifier: Apache-2.0
package import Formats

/// Labels, annotations, and other maps from text to text, in the order they were written. Two maps
/// are equal if they say the same, in whatever order.
package struct KubeMap: Sendable {
    package private(set) var pairs: [(key: String, value: String)]

    package init(_ pairs: [(String, String)] = []) {
        self.pairs = []
        for (key, value) in pairs { self[key] = value }
    }

    package var isEmpty: Bool { pairs.isEmpty }
    package var keys: [String] { pairs.map(\.key) }

    /// Setting nil removes the key, a new key goes to the end.
    package subscript(key: String) -> String? {
        get { pairs.first { $0.key == key }?.value }
        set {
            let index = pairs.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): pairs[index].value = value
            case (let index?, nil): pairs.remove(at: index)
            case (nil, let value?): pairs.append((key, value))
            case (nil, nil): break
            }
        }
    }

    /// By the bytes of the keys.
    package var sorted: [(key: String, value: String)] {
        pairs.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }

    /// Those of `other` on top.
    package func merging(_ other: KubeMap) -> KubeMap {
        var merged = self
        for (key, value) in other.pairs { merged[key] = value }
        return merged
    }
}

extension KubeMap: Equatable, ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }

    package static func == (left: KubeMap, right: KubeMap) -> Bool {
        left.pairs.count == right.pairs.count
            && left.pairs.allSatisfy { right[$0.key] == $0.value }
    }
}

extension KubeMap {
    /// Members that are no text are passed over.
    package init(_ json: JSONValue?) {
        self.init()
        for member in json?.object?.members ?? [] {
            if let text = member.value.string { self[member.key] = text }
        }
    }

    package var json: JSONValue {
        .object(pairs.map { ($0.key, JSONValue.string($0.value)) })
    }
}
