// SPDX-License-Identifier: Apache-2.0
package import Formats
package import Kube

/// Requests that expect a success: a refusal is thrown as `KubeError.status`.
extension KubeExchange {
    /// Nil if it is not there.
    package func get(_ key: ObjectKey) throws(KubeError) -> KubeObject? {
        let response = try send(.get(key), within: .seconds(30))
        do throws(StatusError) {
            return try response.object()
        } catch {
            if error.isNotFound { return nil }
            throw .status(error)
        }
    }

    package func list(
        _ kind: ResourceKind, namespace: String = "", labelSelector: LabelSelector? = nil,
        limit: Int = 500
    ) throws(KubeError) -> KubeList {
        var items: [KubeObject] = []
        var token = ""
        while true {
            let request = KubeRequest.list(
                kind, namespace: namespace, labelSelector: labelSelector, limit: limit,
                continueToken: token)
            let page = try list(request)
            items += page.items
            token = page.continueToken
            if token.isEmpty {
                return KubeList(items: items, resourceVersion: page.resourceVersion)
            }
        }
    }

    /// One page.
    package func list(_ request: KubeRequest) throws(KubeError) -> KubeList {
        let response = try send(request, within: .seconds(30))
        do throws(StatusError) {
            return try response.list()
        } catch {
            throw .status(error)
        }
    }

    package func create(
        _ object: KubeObject, as kind: ResourceKind
    ) throws(KubeError) -> KubeObject {
        try self.object(.create(object, as: kind))
    }

    package func replace(
        _ object: KubeObject, as kind: ResourceKind
    ) throws(KubeError) -> KubeObject {
        try self.object(.replace(object, as: kind))
    }

    package func replaceStatus(
        _ object: KubeObject, as kind: ResourceKind
    ) throws(KubeError) -> KubeObject {
        try self.object(.replaceStatus(object, as: kind))
    }

    package func apply(
        _ object: KubeObject, as kind: ResourceKind, fieldManager: String, force: Bool = true
    ) throws(KubeError) -> KubeObject {
        try self.object(.apply(object, as: kind, fieldManager: fieldManager, force: force))
    }

    package func patch(
        _ key: ObjectKey, _ type: PatchType, _ body: JSONValue, subresource: String = ""
    ) throws(KubeError) -> KubeObject {
        try object(.patch(key, type: type, body: body, subresource: subresource))
    }

    /// What is not there is deleted.
    package func delete(
        _ key: ObjectKey, _ options: DeleteOptions = DeleteOptions()
    ) throws(KubeError) {
        let response = try send(.delete(key, options), within: .seconds(30))
        do throws(StatusError) {
            _ = try response.json()
        } catch {
            if !error.isNotFound { throw .status(error) }
        }
    }

    package func object(_ request: KubeRequest) throws(KubeError) -> KubeObject {
        let response = try send(request, within: .seconds(30))
        do throws(StatusError) {
            return try response.object()
        } catch {
            throw .status(error)
        }
    }
}
