// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// Paths that name no resource: discovery, version, health, OpenAPI.
extension SandboxAPI {
    func document(_ request: KubeRequest) throws(StatusError) -> KubeResponse {
        let path =
            request.path.count > 1 && request.path.hasSuffix("/")
            ? String(request.path.dropLast()) : request.path
        guard request.method == "GET" || request.method == "HEAD" else {
            throw .methodNotAllowed()
        }
        let parts = path.split(separator: "/").map(String.init)
        switch parts.first {
        case nil: return .json(paths)
        case "version"?: return .json(version)
        case "healthz"?, "livez"?, "readyz"?: return health(parts, request)
        case "api"? where parts.count == 1: return discovery.core(request)
        case "apis"? where parts.count == 1: return discovery.groups(request)
        case "api"? where parts.count == 2:
            return try discovery.resources(group: "", version: parts[1])
        case "apis"? where parts.count == 2: return try discovery.group(parts[1])
        case "apis"? where parts.count == 3:
            return try discovery.resources(group: parts[1], version: parts[2])
        case "openapi"? where parts.count >= 2:
            return try OpenAPI(catalog: catalog).answer(Array(parts.dropFirst()), request)
        default: throw .noSuchPage
        }
    }

    private var discovery: Discovery { Discovery(catalog: catalog) }

    private var paths: JSONValue {
        let fixed = [
            "/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3",
            "/readyz", "/version",
        ]
        return .object([("paths", .array(fixed.map(JSONValue.string)))])
    }

    private var version: JSONValue {
        .object([
            ("major", "1"), ("minor", .string("\(settings.minorVersion)")),
            ("emulationMajor", "1"), ("emulationMinor", .string("\(settings.minorVersion)")),
            ("gitVersion", .string(settings.gitVersion)), ("gitCommit", ""),
            ("gitTreeState", "clean"), ("buildDate", "1970-01-01T00:00:00Z"),
            ("goVersion", ""), ("compiler", "swift"), ("platform", "linux/amd64"),
        ])
    }

    private func health(_ parts: [String], _ request: KubeRequest) -> KubeResponse {
        let name = parts[0]
        let checks = ["ping", "log", "etcd"]
        let isVerbose = request.query("verbose") != nil
        let text =
            isVerbose
            ? checks.map { "[+]\($0) ok\n" }.joined() + "\(name) check passed\n" : "ok"
        return KubeResponse(
            code: 200, headers: [("Content-Type", "text/plain; charset=utf-8")],
            body: Array(text.utf8))
    }
}
