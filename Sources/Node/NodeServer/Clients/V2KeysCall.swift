// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import HTTP
internal import NodeCore
internal import Replicated
internal import V2Facade

/// One request of /v2/keys: reads, decides, writes, and decides anew when something came between.
/// Kept by the closures that wait for the core.
final class V2KeysCall {
    /// Somebody always wins a conflict, so this many in a row mean more writers than one key bears.
    private static let attemptsMax = 100
    /// Operations of a transaction beside those for each part of the path.
    private static let extraOperations = 3

    private let endpoints: V2Endpoints
    private let member: LocalMember
    private let exchange: HTTPExchange
    private let identity: NodeCore.Identity
    private var attempts = 0
    /// Granted and not yet used.
    private var lease: Int64?

    init(
        _ endpoints: V2Endpoints, _ exchange: HTTPExchange, _ identity: NodeCore.Identity
    ) {
        self.endpoints = endpoints
        member = endpoints.member
        self.exchange = exchange
        self.identity = identity
    }

    func start(_ http: HTTPRequest, path: String) {
        let method = http.head.method
        let type = http.head.headers.value(of: "content-type") ?? ""
        let isForm =
            (method == "PUT" || method == "POST")
            && type.hasPrefix("application/x-www-form-urlencoded")
        let form = KeysForm(
            method: method, path: path, query: http.head.query,
            body: isForm ? String(decoding: http.body, as: UTF8.self) : nil)
        do throws(KeysError) {
            let request = try form.request(endpoints.moment)
            let maxOps = member.node.settings.maxTxnOps
            if Lookup(request).operationCount + Self.extraOperations > maxOps {
                throw KeysError(.invalidForm, "the key has too many parts")
            }
            if request.isWait {
                V2Wait(endpoints, exchange, identity, request).start()
            } else {
                read(request, isLinearizable: request.isQuorum)
            }
        } catch {
            finish(error.answer)
        }
    }

    private func call(_ request: Request, then: @escaping (Answer) -> Void) {
        member.call(request, identity: identity, then: then)
    }

    // MARK: Steps

    private func read(_ request: KeysRequest, isLinearizable: Bool) {
        let lookup = Lookup(request)
        call(.txn(lookup.transaction(isLinearizable: isLinearizable))) { answer in
            switch V2Outcome<TxnResponse>(answer) {
            case .success(let response):
                self.decide(request, lookup.tree(response), isLinearizable)
            case .failure(let error): self.fail(request, error)
            }
        }
    }

    private func decide(_ request: KeysRequest, _ tree: Tree, _ isLinearizable: Bool) {
        do throws(KeysError) {
            let decision = KeysDecision(
                request, tree, putsMax: member.node.settings.maxTxnOps - Self.extraOperations)
            guard let plan = try decision.plan() else {
                return finish(try tree.get(request, endpoints.moment), request, .success(()))
            }
            if let seconds = plan.leaseSeconds, lease == nil {
                grant(seconds, request, plan)
            } else {
                write(request, plan)
            }
        } catch {
            // A refusal must be true of the cluster, not only of what this member has seen.
            if request.write != nil, !isLinearizable {
                read(request, isLinearizable: true)
            } else {
                finish(error.answer, request, .failure(error))
            }
        }
    }

    private func grant(_ seconds: Int64, _ request: KeysRequest, _ plan: WritePlan) {
        call(.leaseGrant(LeaseGrantRequest(ttl: seconds))) { answer in
            switch V2Outcome<LeaseGrantResponse>(answer) {
            case .success(let response):
                self.lease = response.id
                self.write(request, plan)
            case .failure(let error): self.fail(request, error)
            }
        }
    }

    private func write(_ request: KeysRequest, _ plan: WritePlan) {
        call(.txn(plan.transaction(newLease: lease ?? 0))) { answer in
            switch V2Outcome<TxnResponse>(answer) {
            case .success(let response) where response.succeeded:
                self.done(request, plan, at: response.header?.revision ?? 0)
            case .success, .failure(.leaseNotFound): self.again(request)
            case .failure(let error): self.fail(request, error)
            }
        }
    }

    private func again(_ request: KeysRequest) {
        attempts += 1
        if attempts < Self.attemptsMax { return read(request, isLinearizable: true) }
        let error = KeysError(.raftInternal, "too many writers of the same key")
        finish(error.answer, request, .failure(error))
    }

    // MARK: Ends

    private func done(_ request: KeysRequest, _ plan: WritePlan, at revision: Int64) {
        if plan.leaseSeconds != nil { lease = nil }
        if let obsolete = plan.obsoleteLease { revoke(obsolete) }
        finish(plan.answer(at: revision, request, endpoints.moment), request, .success(()))
    }

    private func fail(_ request: KeysRequest, _ error: EtcdError) {
        let refusal = KeysError(error)
        finish(refusal.answer, request, .failure(refusal))
    }

    private func finish(
        _ answer: KeysAnswer, _ request: KeysRequest, _ result: Result<Void, KeysError>
    ) {
        endpoints.statistics.count(request, result)
        finish(answer)
    }

    private func finish(_ answer: KeysAnswer) {
        if let lease { revoke(lease) }
        lease = nil
        exchange.respond(
            HTTPResponse(
                status: answer.status, headers: endpoints.keysHead(answer).headers,
                body: Array(answer.body.utf8)))
    }

    /// Nobody waits for it: a lease that stays ends by itself.
    private func revoke(_ id: Int64) {
        call(.leaseRevoke(LeaseRevokeRequest(id: id))) { _ in }
    }
}

extension KeysError {
    /// What the core refused, in the words of v2.
    init(_ error: EtcdError) {
        switch error {
        case .userEmpty, .userNotFound, .permissionDenied, .invalidAuthToken, .authFailed,
            .noPasswordUser:
            self.init(.unauthorized, "Insufficient credentials")
        default: self.init(.raftInternal, error.text)
        }
    }
}

/// The core's answer, decoded.
enum V2Outcome<Message: WireMessage> {
    case success(Message)
    case failure(EtcdError)

    init(_ answer: Answer) {
        switch answer {
        case .list(var list): self.init(.message(list.whole()))
        case .message(let bytes):
            do throws(WireError) {
                self = .success(try Message(decoding: bytes))
            } catch {
                self = .failure(.undecodable("\(error)"))
            }
        case .failure(let error): self = .failure(error)
        case .compute, .members, .done: self = .success(Message())
        }
    }
}
