// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube
internal import SandboxAPI

/// A file that stands for something in the API.
package struct DataFile: Equatable {
    /// May name folders: `tls/ca.crt`.
    package var name: String
    package var bytes: [UInt8]
    package var permissions: UInt32

    package init(name: String, bytes: [UInt8], permissions: UInt32 = 0o644) {
        self.name = name
        self.bytes = bytes
        self.permissions = permissions
    }
}

/// What ConfigMaps, Secrets, projected and downward volumes hold, as files.
enum DataFiles {
    /// The keys of a ConfigMap or Secret, sorted.
    static func of(_ object: KubeObject) -> [DataFile] {
        var files: [DataFile] = []
        for member in object["data"]?.object?.members ?? [] {
            guard let text = member.value.string else { continue }
            let bytes = object.kind == "Secret" ? Base64.decode(text) : Array(text.utf8)
            files.append(DataFile(name: member.key, bytes: bytes ?? []))
        }
        for member in object["binaryData"]?.object?.members ?? [] {
            let bytes = member.value.string.flatMap { Base64.decode($0) }
            files.append(DataFile(name: member.key, bytes: bytes ?? []))
        }
        return files.sorted { $0.name < $1.name }
    }

    /// The files of a volume; nil for volumes that are not made of files of the API.
    static func of(
        volume: JSONValue, _ pod: KubeObject, _ api: some ObjectAccess, _ context: Context
    ) throws(PlanError) -> [DataFile]? {
        if let source = volume["configMap"] {
            return try from(.configMap, source, nameKey: "name", pod, api, mode(source, 0o644))
        }
        if let source = volume["secret"] {
            return try from(.secret, source, nameKey: "secretName", pod, api, mode(source, 0o644))
        }
        if let source = volume["downwardAPI"] {
            return try downward(source, pod, context, mode(source, 0o644))
        }
        guard let projected = volume["projected"] else { return nil }
        var files: [DataFile] = []
        let mode = mode(projected, 0o644)
        for source in projected["sources"]?.array ?? [] {
            if let map = source["configMap"] {
                if map["name"]?.string == "kube-root-ca.crt" {
                    files.append(
                        DataFile(name: "ca.crt", bytes: context.authority, permissions: mode))
                } else {
                    files += try from(.configMap, map, nameKey: "name", pod, api, mode)
                }
            } else if let secret = source["secret"] {
                files += try from(.secret, secret, nameKey: "name", pod, api, mode)
            } else if let fields = source["downwardAPI"] {
                files += try downward(fields, pod, context, mode)
            } else if let token = source["serviceAccountToken"] {
                files.append(
                    DataFile(
                        name: token["path"]?.string ?? "token", bytes: context.token,
                        permissions: 0o600))
            } else {
                throw PlanError("a projected source that is not known here")
            }
        }
        return files
    }

    /// What a pod knows that no object says.
    struct Context {
        var address: String
        var token: [UInt8]
        var authority: [UInt8]
    }

    private static func mode(_ source: JSONValue, _ standard: UInt32) -> UInt32 {
        source["defaultMode"]?.int64.flatMap { UInt32(exactly: $0) }.map { $0 & 0o777 } ?? standard
    }

    private static func from(
        _ kind: ResourceKind, _ source: JSONValue, nameKey: String, _ pod: KubeObject,
        _ api: some ObjectAccess, _ mode: UInt32
    ) throws(PlanError) -> [DataFile] {
        let name = source[nameKey]?.string ?? ""
        let isOptional = source["optional"]?.bool == true
        guard let object = api.get(ObjectKey(kind, namespace: pod.namespace, name: name)) else {
            if isOptional { return [] }
            throw PlanError(
                "MountVolume.SetUp failed for volume: \(kind.singular) \"\(name)\" not found")
        }
        let all = of(object)
        guard let items = source["items"]?.array else {
            return all.map { DataFile(name: $0.name, bytes: $0.bytes, permissions: mode) }
        }
        var files: [DataFile] = []
        for item in items {
            let key = item["key"]?.string ?? ""
            guard let found = all.first(where: { $0.name == key }) else {
                if isOptional { continue }
                throw PlanError(
                    "MountVolume.SetUp failed for volume: references non-existent key: \(key)")
            }
            files.append(
                DataFile(
                    name: item["path"]?.string ?? key, bytes: found.bytes,
                    permissions: permissions(item, mode)))
        }
        return files
    }

    private static func permissions(_ item: JSONValue, _ mode: UInt32) -> UInt32 {
        item["mode"]?.int64.flatMap { UInt32(exactly: $0) }.map { $0 & 0o777 } ?? mode
    }

    private static func downward(
        _ source: JSONValue, _ pod: KubeObject, _ context: Context, _ mode: UInt32
    ) throws(PlanError) -> [DataFile] {
        var files: [DataFile] = []
        for item in source["items"]?.array ?? [] {
            let text: String?
            if let reference = item["resourceFieldRef"] {
                text = DownwardFields.resource(reference, of: pod, container: "")
            } else {
                text = DownwardFields.field(
                    item["fieldRef"]?["fieldPath"]?.string ?? "", of: pod,
                    address: context.address)
            }
            guard let text else { throw PlanError("a downward field that is not known here") }
            files.append(
                DataFile(
                    name: item["path"]?.string ?? "", bytes: Array(text.utf8),
                    permissions: permissions(item, mode)))
        }
        return files
    }
}
