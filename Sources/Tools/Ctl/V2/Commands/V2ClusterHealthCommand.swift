// SPDX-License-Identifier: Apache-2.0
internal import EtcdClient
internal import Formats

enum V2ClusterHealthCommand {
    static let row = V2Command(
        "cluster-health", usage: " ", "check the health of the etcd cluster",
        flags: [
            V2Flag(
                "forever", "f", kind: .bool,
                "forever check the health every 10 second until CTRL+C")
        ], examples: ["cluster-health"], run: run)

    private static let pause: Duration = .seconds(10)

    private static func run(_ call: V2Call) throws(V2Failure) {
        let client = try V2Client(unsynced: call.globals, call.console)
        let isForever = call.flags.bool("forever")
        if isForever { try client.stopOnInterrupt() }
        let members: [V2Member]
        do throws(V2CallError) {
            members = try V2Members(client: client).list(client.deadline)
        } catch {
            call.console.write("cluster may be unhealthy: failed to list members\n")
            throw .of(error, code: V2Failure.serverError)
        }
        while true {
            var healthyCount = 0
            for member in members where try isHealthy(member, client, call) { healthyCount += 1 }
            let isHealthy = healthyCount == members.count
            call.console.write(
                "cluster is "
                    + (isHealthy ? "healthy" : healthyCount == 0 ? "unavailable" : "degraded")
                    + "\n")
            if !isForever {
                if isHealthy { return }
                throw V2Failure(code: V2Failure.unhealthy, text: "")
            }
            call.console.write("\nnext check after 10 second...\n\n")
            if !client.pause(pause) { return }
        }
    }

    private static func isHealthy(
        _ member: V2Member, _ client: V2Client, _ call: V2Call
    ) throws(V2Failure) -> Bool {
        let console = call.console
        if member.clientURLs.isEmpty {
            console.write(
                "member \(member.id) is unreachable: no available published client urls\n")
            return false
        }
        for url in member.clientURLs {
            let failed = "failed to check the health of member \(member.id) on \(url): "
            do throws(WebFailure) {
                let answer = try client.get(try endpoint(url), "/health")
                guard let isGood = isGood(answer.body) else {
                    console.write(failed + "the answer is no JSON\n")
                    continue
                }
                let word = isGood ? "healthy" : "unhealthy"
                console.write("member \(member.id) is \(word): got \(word) result from \(url)\n")
                return isGood
            } catch {
                if error == .interrupted { throw V2Failure(code: 0, text: "") }
                console.write(failed + "Get \"\(url)/health\": \(error.text)\n")
            }
        }
        let urls = member.clientURLs.joined(separator: " ")
        console.write("member \(member.id) is unreachable: [\(urls)] are all unreachable\n")
        return false
    }

    private static func endpoint(_ url: String) throws(WebFailure) -> V2Endpoint {
        do throws(V2Failure) {
            return try V2Endpoint(url)
        } catch {
            throw .dial(String(error.text.dropLast()))
        }
    }

    /// Nil for an answer that does not say.
    static func isGood(_ body: [UInt8]) -> Bool? {
        guard let json = try? JSON.parse(body), json.object != nil else { return nil }
        guard let health = json["health"] ?? json["Health"] else { return false }
        return health.bool ?? (health.string == "true")
    }
}
