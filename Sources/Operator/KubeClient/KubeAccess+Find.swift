// SPDX-License-Identifier: Apache-2.0
package import Kube
internal import Posix

extension KubeAccess {
    /// A file that is named here must be good; otherwise `$KUBECONFIG`, what Kubernetes mounts into
    /// a pod, and `~/.kube/config`, in this order. `environment`: lines NAME=value.
    package static func find(
        kubeconfig path: String, context: String = "", environment: [String]
    ) throws(KubeError) -> KubeAccess {
        if !path.isEmpty { return try access([path], context) }
        func variable(_ name: String) -> String {
            environment.first { $0.hasPrefix("\(name)=") }.map {
                String($0.dropFirst(name.utf8.count + 1))
            } ?? ""
        }
        let listed = variable("KUBECONFIG").split(separator: ":").map(String.init)
        if !listed.isEmpty { return try access(listed, context) }
        let host = variable("KUBERNETES_SERVICE_HOST")
        let folder = serviceAccountFolder
        if !host.isEmpty, FileStamp(of: folder + "/token") != nil {
            let port = variable("KUBERNETES_SERVICE_PORT")
            let namespace = (try? read(folder + "/namespace")) ?? []
            return inCluster(
                host: host, port: port.isEmpty ? "443" : port,
                namespace: String(decoding: namespace, as: UTF8.self).filter { !$0.isWhitespace })
        }
        return try access([variable("HOME") + "/.kube/config"], context)
    }

    private static func access(
        _ paths: [String], _ context: String
    ) throws(KubeError) -> KubeAccess {
        var config = KubeConfig()
        for path in paths {
            do throws(KubeConfigError) {
                config.merge(
                    try KubeConfig(parsing: try text(path), directory: folder(of: path)))
            } catch {
                throw .credentials("kubeconfig \(path): \(error.reason)")
            }
        }
        do throws(KubeConfigError) {
            return try config.access(context: context)
        } catch {
            throw .credentials("kubeconfig: \(error.reason)")
        }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return String(path[..<slash])
    }

    private static func text(_ path: String) throws(KubeConfigError) -> [UInt8] {
        do throws(PosixError) {
            return try read(path)
        } catch {
            throw KubeConfigError(error.reason)
        }
    }

    private static func read(_ path: String) throws(PosixError) -> [UInt8] {
        try File(path, .read).readAll(limit: 8 << 20)
    }
}
