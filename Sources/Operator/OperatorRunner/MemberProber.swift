// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Kube
internal import Posix
internal import Reconcile

/// Where a member is asked, and with which certificates.
struct MemberAddress: Sendable {
    var podName: String
    /// Empty if the pod has none yet.
    var ip: String
    /// What its certificate is for.
    var host: String
    var tls: ClientTLS?

    func settings(_ timeout: Duration) -> ClientSettings {
        let host = ip.contains(":") ? "[\(ip)]" : ip
        var settings = ClientSettings(
            endpoints: ["\(tls == nil ? "http" : "https")://\(host):2379"])
        settings.dialTimeout = timeout
        settings.callTimeout = timeout
        if var tls {
            tls.serverName = self.host
            settings.tls = tls
        }
        return settings
    }
}

/// Asks every member by itself and at the same time, each question with its own bound. Who does not
/// answer is unknown, and nothing follows from that alone.
struct MemberProber: Sendable {
    static let healthPort: UInt16 = 2381
    let timeout: Duration

    private struct Answer: Sendable {
        var probe: MemberProbe
        var members: Seen<[ListedMember]>
        var clusterID: ClusterID?

        static func unasked(_ address: MemberAddress, _ why: String) -> Answer {
            var answer = Answer(
                probe: MemberProbe(podName: address.podName), members: .unknown(why))
            answer.probe.status = .unknown(why)
            answer.probe.identity = .unknown(why)
            return answer
        }
    }

    private final class Answers: @unchecked Sendable {
        private let lock = Lock()
        private var all: [Int: Answer] = [:]

        func put(_ index: Int, _ answer: Answer) { lock.withLock { all[index] = answer } }
        func take(_ index: Int) -> Answer? { lock.withLock { all[index] } }
    }

    /// In the order of the addresses.
    func view(of addresses: [MemberAddress]) -> EtcdView {
        let answers = Answers()
        var threads: [Joined] = []
        for (index, address) in addresses.enumerated() where !address.ip.isEmpty {
            let prober = self
            do throws(PosixError) {
                threads.append(
                    Joined(
                        try Thread(name: "probe", { answers.put(index, prober.ask(address)) })))
            } catch {
                answers.put(index, .unasked(address, "no thread to ask with: \(error)"))
            }
        }
        for thread in threads { thread.join() }
        var view = EtcdView(members: .unknown("no member answered"))
        for (index, address) in addresses.enumerated() {
            guard let answer = answers.take(index) else {
                view.probes.append(MemberProbe(podName: address.podName))
                continue
            }
            view.probes.append(answer.probe)
            if !view.members.isKnown, answer.members.isKnown {
                view.members = answer.members
                view.clusterID = answer.clusterID
            }
        }
        return view
    }

    private func ask(_ address: MemberAddress) -> Answer {
        var answer = Answer(
            probe: MemberProbe(podName: address.podName), members: .unknown("not asked"))
        answer.probe.identity = identity(address)
        do throws(ClientError) {
            let client = try Client(address.settings(timeout))
            answer.probe.status = .known(try status(client))
            var list = MemberListRequest()
            list.linearizable = true
            let listed = try client.memberList(list)
            answer.members = .known(
                listed.members.map {
                    ListedMember(
                        id: MemberID($0.id), name: $0.name, peerURLs: $0.peerURLs,
                        isLearner: $0.isLearner)
                })
            answer.clusterID = ClusterID(listed.header?.clusterID ?? 0)
            var read = RangeRequest()
            read.key = [0]
            read.countOnly = true
            _ = try client.range(read)
            answer.probe.isLinearizable = true
        } catch {
            if !answer.probe.status.isKnown { answer.probe.status = .unknown("\(error)") }
        }
        return answer
    }

    /// Nil: it did not answer. Counting walks the index, so it gets more time than a question.
    func countKeys(of address: MemberAddress, at revision: Int64) -> KeyCount? {
        do throws(ClientError) {
            let client = try Client(address.settings(Executor.callTimeout))
            var read = RangeRequest()
            read.key = [0]
            read.rangeEnd = [0]
            read.revision = revision
            read.countOnly = true
            return .count(try client.range(read).count)
        } catch {
            // Neither out of time nor unavailable: it has said no.
            guard case .status(let code, let message, _) = error, code != 4, code != 14 else {
                return nil
            }
            return .refused(message)
        }
    }

    private func status(_ client: Client) throws(ClientError) -> NodeStatus {
        let status = try client.status()
        return NodeStatus(
            clusterID: ClusterID(status.header?.clusterID ?? 0),
            memberID: MemberID(status.header?.memberID ?? 0), leader: MemberID(status.leader),
            term: Term(status.raftTerm), raftIndex: LogIndex(status.raftIndex),
            appliedIndex: LogIndex(status.raftAppliedIndex),
            revision: status.header?.revision ?? 0, dbSizeBytes: status.dbSize,
            dbInUseBytes: status.dbSizeInUse, version: status.version,
            isLearner: status.isLearner,
            // A member without a leader cannot tell; then its status is still worth having.
            alarms: status.leader == 0 ? .unknown("it has no leader") : alarms(client))
    }

    private func alarms(_ client: Client) -> Seen<[MemberAlarm]> {
        var request = AlarmRequest()
        request.action = .get
        do throws(ClientError) {
            return .known(
                try client.alarm(request).alarms.compactMap { alarm in
                    let kind: MemberAlarm.Kind? =
                        switch alarm.alarm {
                        case .noSpace: .noSpace
                        case .corrupt: .corrupt
                        default: nil
                        }
                    return kind.map { MemberAlarm(kind: $0, memberID: MemberID(alarm.memberID)) }
                })
        } catch {
            return .unknown("\(error)")
        }
    }

    // MARK: The health port

    private func identity(_ address: MemberAddress) -> Seen<NodeIdentity> {
        do {
            let web = try WebClient()
            let answer = try web.exchange(request("GET", address, "/identity"))
            guard answer.status == 200 else { return .unknown("/identity: \(answer.status)") }
            guard let identity = NodeIdentity(try JSON.parse(answer.body)) else {
                return .unknown("/identity: not understood")
            }
            return .known(identity)
        } catch let failure as WebFailure {
            return .unknown(failure.text)
        } catch {
            return .unknown("\(error)")
        }
    }

    private func request(_ method: String, _ address: MemberAddress, _ target: String) -> WebRequest
    {
        var request = WebRequest(
            method, host: address.ip, port: Self.healthPort, target: target, dialTimeout: timeout)
        request.deadline = MonotonicClock.now + timeout
        return request
    }

    /// Pushes a ticket to a node that waits. Nil: it was taken.
    func send(ticket: JSONValue, token: String, to address: MemberAddress) -> String? {
        var push = request("POST", address, "/ticket")
        push.headers = [("authorization", "Bearer \(token)"), ("content-type", "application/json")]
        push.body = JSON.bytes(ticket)
        do {
            let answer = try WebClient().exchange(push)
            if answer.status == 200 { return nil }
            let text = String(decoding: answer.body.prefix(200), as: UTF8.self)
            return "POST /ticket: \(answer.status) \(text)"
        } catch let failure as WebFailure {
            return failure.text
        } catch {
            return "\(error)"
        }
    }
}

extension NodeIdentity {
    init?(_ json: JSONValue) {
        guard let text = json["state"]?.string, let state = State(rawValue: text) else {
            return nil
        }
        self.init(
            state: state, reason: json["reason"]?.string ?? "",
            clusterUID: json["clusterUID"]?.string ?? "",
            clusterID: Hexadecimal.clusterID(json["clusterID"]?.string),
            memberID: Hexadecimal.memberID(json["memberID"]?.string),
            podUID: json["podUID"]?.string ?? "", dataLost: json["dataLost"]?.bool ?? false,
            ticketGeneration: json["ticketGeneration"]?.int64 ?? 0)
    }
}
