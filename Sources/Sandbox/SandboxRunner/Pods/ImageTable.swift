// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// Images have no layers here: the name of an image says which folder of programs it means.
struct ImageTable {
    /// Where keelson's own programs are.
    let programs: String

    /// `PATH` of containers of this image: programs by a bare name are looked for there.
    func searchPath(_ image: String) throws(PlanError) -> String {
        let system = "/usr/local/bin:/usr/bin:/bin"
        let name = ImageTable.bareName(image)
        if name.contains("keelson") { return "\(programs):\(system)" }
        if ["busybox", "alpine", "debian", "ubuntu", "bash", "kubectl"].contains(name) {
            return system
        }
        throw PlanError(
            "the sandbox has no programs for the image \"\(image)\": it knows keelson's, and "
                + "busybox, alpine, debian, ubuntu, bash and kubectl, which mean this machine's")
    }

    /// What runs where a container names no command.
    func standardCommand(_ image: String) -> [String] {
        let name = ImageTable.bareName(image)
        if name.contains("keelson-operator") { return ["keelson-operator"] }
        if name.contains("keelsonctl") { return ["keelsonctl"] }
        if name.contains("keelson") { return ["keelson-node"] }
        return ["sh"]
    }

    /// The path of a program; nil if there is none.
    func find(_ program: String, in searchPath: String) -> String? {
        if program.contains("/") { return Directory.kind(of: program) == .file ? program : find(known: program, searchPath) }
        for folder in searchPath.split(separator: ":") {
            let path = "\(folder)/\(program)"
            if Directory.kind(of: path) == .file { return path }
        }
        return nil
    }

    /// `/usr/local/bin/keelson-node`, `/keelson-node`: where images have their programs.
    private func find(known program: String, _ searchPath: String) -> String? {
        guard let name = program.split(separator: "/").last, program.hasPrefix("/") else {
            return nil
        }
        return find(String(name), in: searchPath)
    }

    /// `registry:5000/group/keelson:dev` is `keelson`.
    static func bareName(_ image: String) -> String {
        let last = image.split(separator: "/").last ?? ""
        let name = last.prefix { $0 != ":" && $0 != "@" }
        return String(name)
    }
}
