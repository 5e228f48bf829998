// SPDX-License-Identifier: Apache-2.0
package import Kube

/// What we wrote and have not yet seen come back. A pass over a cache that is older than our own
/// writes would do them again.
package struct OwnWrites: Sendable {
    private var versions: [ObjectKey: String] = [:]

    package init() {}

    package var count: Int { versions.count }

    /// We wrote the object, and this was the answer.
    package mutating func wrote(_ key: ObjectKey, version: String) {
        guard UInt64(version) != nil else { return }
        versions[key] = ResourceVersion.newer(versions[key] ?? "", version)
    }

    /// Whether the cache of the key's kind is older than what we wrote there. Bookmarks and events
    /// of other objects count: all up to the cache's version is known.
    package func isAhead(of cache: ObjectCache, _ key: ObjectKey) -> Bool {
        guard let written = versions[key] else { return false }
        return ResourceVersion.isOlder(cache.version, than: written) ?? cache.version.isEmpty
    }

    /// Whether any of our writes to this kind in the namespace is missing from the cache.
    package func isAhead(of cache: ObjectCache, namespace: String) -> Bool {
        versions.keys.contains { key in
            key.kind == cache.kind && key.namespace == namespace && isAhead(of: cache, key)
        }
    }

    /// Forgets what has come back to a cache of this namespace; of all of them if it is empty. A
    /// cache of another namespace may well be newer, and knows nothing of ours.
    package mutating func prune(_ cache: ObjectCache, namespace: String = "") {
        versions = versions.filter { key, _ in
            key.kind != cache.kind || !namespace.isEmpty && key.namespace != namespace
                || isAhead(of: cache, key)
        }
    }
}
