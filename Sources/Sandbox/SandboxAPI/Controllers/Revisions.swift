// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// The templates that a StatefulSet has had, each kept in a ControllerRevision.
struct Revisions {
    static let label = "controller-revision-hash"

    /// What the template says now.
    let update: KubeObject
    /// What pods had before the last change; the same as `update` when no roll is under way.
    let current: KubeObject
    private let all: [KubeObject]
    private let set: KubeObject

    init(
        of pass: StatefulSetPass, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        set = pass.set
        var known = api.owned(.controllerRevision, by: pass.set)
        known += Revisions.adopt(pass, &api, &changes)
        known.sort { ($0.int("revision") ?? 0, $0.name) < ($1.int("revision") ?? 0, $1.name) }
        let data = Revisions.data(pass.set)
        let last = known.last?.int("revision") ?? 0
        if let index = known.firstIndex(where: { $0["data"]?.isSame(as: data) ?? false }) {
            var found = known[index]
            if index != known.count - 1 {
                // An old template is wanted again: it is the newest now.
                var newest = found
                newest["revision"] = .integer(Int64(clamping: last &+ 1))
                found = api.put(newest, over: found, &changes)
                known[index] = found
            }
            update = found
        } else {
            let made = Revisions.revision(pass.set, data, number: last &+ 1)
            update = api.make(made, &changes) ?? made
            known.append(update)
        }
        let name = pass.set.string("status", "currentRevision") ?? ""
        current = known.first { $0.name == name } ?? update
        all = known
    }

    private static func data(_ set: KubeObject) -> JSONValue {
        var template = set["spec", "template"]?.object ?? JSONObject()
        template["$patch"] = "replace"
        return .object([("spec", .object([("template", .object(template))]))])
    }

    private static func revision(
        _ set: KubeObject, _ data: JSONValue, number: Int
    ) -> KubeObject {
        let hash = hashName(of: data)
        var revision = KubeObject(
            .controllerRevision, namespace: set.namespace, name: "\(set.name)-\(hash)")
        var labels = KubeMap(set["spec", "selector", "matchLabels"])
        labels["controller.kubernetes.io/hash"] = hash
        revision.labels = labels
        revision.ownerReferences = [OwnerReference(to: set)]
        revision["data"] = data
        revision["revision"] = .integer(Int64(clamping: number))
        return revision
    }

    /// Those that a set of the same name has left behind.
    private static func adopt(
        _ pass: StatefulSetPass, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) -> [KubeObject] {
        let orphans = api.list(.controllerRevision, namespace: pass.set.namespace).filter {
            $0.controller == nil && $0.name.hasPrefix(pass.set.name + "-")
                && pass.selector.matches($0.labels)
        }
        return orphans.map { orphan in
            var mine = orphan
            mine.ownerReferences.append(OwnerReference(to: pass.set))
            return api.put(mine, over: orphan, &changes)
        }
    }

    /// Those that no pod has and that are beyond the history limit.
    func prune(
        keeping names: Set<String>, _ api: inout some ObjectAccess, _ changes: inout Changes
    ) {
        let idle = all.filter {
            !names.contains($0.name) && $0.name != update.name && $0.name != current.name
        }
        let limit = max(0, set.int("spec", "revisionHistoryLimit") ?? 10)
        for revision in idle.prefix(max(0, idle.count - limit)) {
            api.remove(revision, .controllerRevision, &changes)
        }
    }
}
