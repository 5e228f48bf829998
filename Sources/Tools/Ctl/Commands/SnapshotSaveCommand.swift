// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum SnapshotSaveCommand {
    static let row = Command(
        "snapshot save", usage: "snapshot save <filename>",
        "Stores an etcd node backend snapshot to a given file",
        examples: ["snapshot save backup.db"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.count == 1 else {
            throw .badArguments("snapshot save expects one argument")
        }
        let endpoints = call.globals.endpoints
        guard endpoints.count == 1 else {
            throw .failed(
                .interrupted,
                "snapshot must be requested to one selected node, not multiple "
                    + "[\(endpoints.joined(separator: " "))]")
        }
        let path = call.arguments[0]
        let client = try call.client(timeout: false)
        let download = SnapshotDownload(path: path, part: path + ".part", call)
        do throws(CtlError) {
            try download.run(client)
        } catch {
            download.discard()
            throw error
        }
        call.console.write("Snapshot saved at \(path)\n")
    }
}
