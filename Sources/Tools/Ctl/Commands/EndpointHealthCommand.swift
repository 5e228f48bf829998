// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Posix

enum EndpointHealthCommand {
    static let row = Command(
        "endpoint health", usage: "endpoint health",
        "Checks the healthiness of endpoints specified in `--endpoints` flag",
        examples: ["endpoint health", "endpoint health --cluster -w table"],
        flags: [CommandTable.clusterFlag], run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        var list: [EndpointHealth] = []
        for endpoint in try call.chosenEndpoints() { list.append(try check(endpoint, call)) }
        if call.globals.format == .simple {
            for entry in list where !entry.isHealthy {
                call.console.writeError(
                    "\(entry.endpoint) is unhealthy: failed to commit proposal: \(entry.error)\n"
                        + (call.personality.explains ? entry.advice : ""))
            }
        }
        try call.show(.health(list))
        if list.contains(where: { !$0.isHealthy }) {
            throw .failed(.error, "unhealthy cluster")
        }
    }

    /// A read that needs a majority tells whether proposals get through.
    private static func check(
        _ endpoint: String, _ call: Invocation
    ) throws(CtlError) -> EndpointHealth {
        let client = try call.client(endpoints: [endpoint])
        let start = MonotonicClock.now
        var (error, advice) = ("", "")
        do throws(ClientError) {
            _ = try client.range(RangeRequest(key: Array("health".utf8)))
        } catch  where error.serverMessage == EtcdError.permissionDenied.text {
            // It went through consensus to be denied.
        } catch let failure {
            error = failure.plainText
            advice = Advice.text(failure)
        }
        let took = GoDuration.text((MonotonicClock.now - start).nanoseconds)
        if error.isEmpty { error = alarms(client) }
        return EndpointHealth(
            endpoint: endpoint, isHealthy: error.isEmpty, took: took, error: error,
            advice: advice)
    }

    private static func alarms(_ client: Client) -> String {
        do throws(ClientError) {
            let alarms = try client.alarm(AlarmRequest()).alarms
            if alarms.isEmpty { return "" }
            return "Active Alarm(s): "
                + alarms.map {
                    $0.alarm.number == 0 ? "UNKNOWN " : "\($0.alarm.name ?? "UNKNOWN") "
                }
                .joined()
        } catch {
            return "Unable to fetch the alarm list"
        }
    }
}
