// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum AlarmListCommand {
    static let row = Command(
        "alarm list", usage: "alarm list", "Lists all alarms", examples: ["alarm list"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.isEmpty else {
            throw .badArguments("alarm list command accepts no arguments")
        }
        let client = try call.client()
        try call.show(
            .alarms(try calling { () throws(ClientError) in try client.alarm(AlarmRequest()) }))
    }
}
