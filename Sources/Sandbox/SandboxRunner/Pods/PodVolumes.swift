// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube
internal import Posix
internal import SandboxAPI

/// The volumes of a pod as folders.
struct PodVolumes {
    static let accountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

    private let folder: String
    /// By volume name.
    private var paths: [String: String] = [:]
    private var dataFolders: [(name: String, volume: JSONValue, folder: DataFolder)] = []
    /// With token, ca.crt and namespace.
    private(set) var accountFolder: String?
    private var account: DataFolder?

    init(folder: String) {
        self.folder = folder
    }

    /// Where a mount really is; nil if its volume is not known.
    func realPath(of mount: MountPlan) -> String? {
        paths[mount.volume].map { mount.subPath.isEmpty ? $0 : "\($0)/\(mount.subPath)" }
    }

    /// Makes all that is missing. Called again when something was not there yet.
    mutating func prepare(
        _ pod: KubeObject, _ plan: PodPlan, _ api: SandboxAPI, _ context: DataFiles.Context
    ) throws(PlanError) {
        try make(folder)
        for volume in pod.list("spec", "volumes") {
            let name = volume["name"]?.string ?? ""
            if paths[name] == nil || dataFolders.contains(where: { $0.name == name }) {
                try prepare(name, volume, pod, api, context)
            }
        }
        for container in plan.initContainers + plan.containers {
            for mount in container.mounts where !mount.subPath.isEmpty {
                guard let path = realPath(of: mount), !Directory.exists(path) else { continue }
                if dataFolders.contains(where: { $0.name == mount.volume }) { continue }
                try make(path)
            }
            for mount in container.mounts where mount.path == PodVolumes.accountPath {
                accountFolder = realPath(of: mount)
            }
        }
        if pod.bool("spec", "automountServiceAccountToken") != false, accountFolder == nil {
            try makeAccount(pod, context)
        }
    }

    private mutating func prepare(
        _ name: String, _ volume: JSONValue, _ pod: KubeObject, _ api: SandboxAPI,
        _ context: DataFiles.Context
    ) throws(PlanError) {
        let own = "\(folder)/volumes/\(name)"
        if let files = try DataFiles.of(volume: volume, pod, api, context) {
            let data = dataFolders.first { $0.name == name }?.folder ?? DataFolder(own)
            try write(files, to: data)
            if paths[name] == nil { dataFolders.append((name, volume, data)) }
            paths[name] = own
        } else if volume["emptyDir"] != nil {
            try make(own)
            paths[name] = own
        } else if let claim = volume["persistentVolumeClaim"]?["claimName"]?.string {
            paths[name] = try claimFolder(claim, pod, api)
        } else if let path = volume["hostPath"]?["path"]?.string {
            paths[name] = path
        } else {
            let type = volume.object?.keys.first { $0 != "name" } ?? "nothing"
            throw PlanError("the volume \(name) is made of \(type), which the sandbox has not")
        }
    }

    private func claimFolder(
        _ name: String, _ pod: KubeObject, _ api: SandboxAPI
    ) throws(PlanError) -> String {
        let key = ObjectKey(.persistentVolumeClaim, namespace: pod.namespace, name: name)
        guard let claim = api.get(key) else {
            throw PlanError("persistentvolumeclaim \"\(name)\" not found")
        }
        guard claim.string("status", "phase") == "Bound",
            let volume = claim.string("spec", "volumeName")
        else { throw PlanError("persistentvolumeclaim \"\(name)\" is not bound") }
        let path = "\(Directory.parent(of: Directory.parent(of: folder)))/volumes/\(volume)"
        try make(path)
        return path
    }

    private mutating func makeAccount(
        _ pod: KubeObject, _ context: DataFiles.Context
    ) throws(PlanError) {
        let data = account ?? DataFolder("\(folder)/serviceaccount")
        account = data
        try write(
            [
                DataFile(name: "ca.crt", bytes: context.authority),
                DataFile(name: "namespace", bytes: Array(pod.namespace.utf8)),
                DataFile(name: "token", bytes: context.token, permissions: 0o600),
            ], to: data)
        accountFolder = data.path
    }

    /// Files follow their objects; what is missing now stays as it was.
    func refresh(
        _ pod: KubeObject, _ api: SandboxAPI, _ context: DataFiles.Context
    ) throws(PlanError) {
        for (_, volume, data) in dataFolders {
            if let files = try DataFiles.of(volume: volume, pod, api, context) {
                try write(files, to: data)
            }
        }
    }

    private func write(_ files: [DataFile], to data: DataFolder) throws(PlanError) {
        do throws(PosixError) {
            try data.write(files)
        } catch {
            throw PlanError("\(error)")
        }
    }

    private func make(_ path: String) throws(PlanError) {
        do throws(PosixError) {
            try Directory.make(path, permissions: 0o755)
        } catch {
            throw PlanError("\(error)")
        }
    }
}
