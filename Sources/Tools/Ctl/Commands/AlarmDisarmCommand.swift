// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient

enum AlarmDisarmCommand {
    static let row = Command(
        "alarm disarm", usage: "alarm disarm", "Disarms all alarms", examples: ["alarm disarm"],
        run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        guard call.arguments.isEmpty else {
            throw .badArguments("alarm disarm command accepts no arguments")
        }
        let client = try call.client()
        // Put together from an answer for each alarm, and so without a header.
        var disarmed = AlarmResponse()
        try calling { () throws(ClientError) in
            for alarm in try client.alarm(AlarmRequest()).alarms {
                let request = AlarmRequest(
                    action: .deactivate, memberID: alarm.memberID, alarm: alarm.alarm)
                disarmed.alarms += try client.alarm(request).alarms
            }
        }
        try call.show(.alarms(disarmed))
    }
}
