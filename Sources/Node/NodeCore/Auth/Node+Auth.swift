// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import EtcdAPI
internal import MVCC
internal import Replicated

// Who asks, and whether that is enough. A call's identity is looked at anew each time it is used:
// when a write is proposed, when a read is served, when a watcher is made.
extension Node {
    /// Who stands behind an identity at this moment; nobody while authentication is off.
    func asker(_ identity: Identity) -> Result<Asker, EtcdError> {
        guard ledger.auth.isEnabled else { return .success(.nobody) }
        switch identity {
        case .anonymous: return .success(.nobody)
        case .certificate(let name):
            return .success(Asker(name: name, authRevision: ledger.auth.revision))
        case .token(let token):
            guard let user = tokens.use(token, now: now) else {
                return .failure(.invalidAuthToken)
            }
            return .success(Asker(name: user, authRevision: ledger.auth.revision))
        case .signed(let user, let revision):
            return .success(Asker(name: user, authRevision: revision))
        case .invalid: return .failure(.invalidAuthToken)
        case .peer: return .success(ownAsker)
        }
    }

    /// In whose name the member itself proposes.
    var ownAsker: Asker {
        ledger.auth.isEnabled
            ? Asker(name: "root", authRevision: ledger.auth.revision) : .nobody
    }

    /// What the rule of a method says before anything is looked at. The shell asks too, before it
    /// spends time on a password.
    package func refusal(of identity: Identity, for rpc: RPC, changes: Bool = true) -> EtcdError? {
        guard ledger.auth.isEnabled else { return nil }
        guard let access = AccessRules.access(to: rpc) else { return .permissionDenied }
        switch access {
        case .open: return nil
        case .keys, .rootOrOwn: return nil
        case .user: return refusalAsUser(identity)
        case .root: return refusalAsRoot(identity)
        case .userOrRootToChange:
            return changes ? refusalAsRoot(identity) : refusalAsUser(identity)
        }
    }

    /// There is no rule for this method, and authentication is on.
    package func isShut(_ rpc: RPC) -> Bool {
        ledger.auth.isEnabled && AccessRules.access(to: rpc) == nil
    }

    func refusalByRule(_ call: Call, _ request: Request) -> EtcdError? {
        guard ledger.auth.isEnabled, let rpc = request.rpc else { return nil }
        var changes = true
        if case .alarm(let alarm) = request { changes = alarm.action != .get }
        return refusal(of: call.identity, for: rpc, changes: changes)
    }

    private func refusalAsUser(_ identity: Identity) -> EtcdError? {
        refusal(identity) { ledger.refusalAsUser($0) }
    }

    private func refusalAsRoot(_ identity: Identity) -> EtcdError? {
        refusal(identity) { ledger.refusalAsRoot($0) }
    }

    /// `rule` is asked about whoever it is.
    func refusal(_ identity: Identity, _ rule: (Asker) -> EtcdError?) -> EtcdError? {
        guard ledger.auth.isEnabled else { return nil }
        switch asker(identity) {
        case .success(let asker): return rule(asker)
        case .failure(let error): return error
        }
    }

    // MARK: Reads

    /// What stands against serving this read now.
    func refusalToServe(_ request: Request, _ identity: Identity) -> EtcdError? {
        guard ledger.auth.isEnabled else { return nil }
        switch request {
        case .range(let range):
            return refusal(identity) { ledger.refusal(range, $0) ?? refusalOfRevision($0) }
        case .txn(let txn):
            return refusal(identity) { ledger.refusal(txn, $0) ?? refusalOfRevision($0) }
        case .leaseKeepAlive(let id):
            return refusal(identity) {
                ledger.refusalAsUser($0) ?? ledger.refusal(writingKeysOf: id, $0)
            }
        case .leaseTimeToLive(let asked):
            return refusal(identity) {
                ledger.refusalAsUser($0)
                    ?? (asked.keys ? ledger.refusal(readingKeysOf: asked.id, $0) : nil)
            }
        case .leaseLeases: return refusal(identity) { ledger.refusalToListLeases($0) }
        case .memberList: return refusalAsUser(identity)
        case .downgrade: return refusal(of: identity, for: .downgrade)
        case .credentials, .peerLeaseKeepAlive, .peerLeaseTimeToLive, .linearizableProbe: return nil
        // Nothing else is served as a read.
        default: return .permissionDenied
        }
    }

    /// A signed token may be of users that this member has not heard of yet; then it cannot say.
    private func refusalOfRevision(_ asker: Asker) -> EtcdError? {
        asker.authRevision == ledger.auth.revision ? nil : .authOldRevision
    }

    /// The leader has named keys; whoever asked here must be allowed to read them, by the state here.
    package func refusal(of identity: Identity, reading keys: [[UInt8]]) -> EtcdError? {
        refusal(identity) { ledger.refusal(reading: keys, $0) }
    }

    func refusalToWatch(_ key: [UInt8], _ end: [UInt8], _ identity: Identity) -> EtcdError? {
        refusal(identity) { ledger.refusal(watching: key, end, $0) }
    }

    // MARK: Log-in

    /// The first half: what the shell checks the password against.
    func serveCredentials(_ call: CallNumber, _ name: String, _ outputs: inout [Output]) {
        let auth = ledger.auth
        guard auth.isEnabled else {
            outputs.append(.reply(call, .failure(.authNotEnabled)))
            return
        }
        if auth.hasNoPassword(name) {
            outputs.append(.reply(call, .failure(.noPasswordUser)))
            return
        }
        let own = auth.passwordHash(of: name)
        let credentials = Credentials(
            name: name, hash: own ?? auth.passwordHash(of: "root") ?? [], isDecoy: own == nil,
            revision: auth.revision)
        outputs.append(.reply(call, .compute(.passwordCheck(credentials))))
    }

    /// The second half: the password was right at `revision`.
    func acceptLogIn(
        _ call: Call, _ name: String, _ tokenPrefix: String, _ revision: UInt64,
        _ outputs: inout [Output]
    ) {
        var request = InternalAuthenticateRequest()
        request.name = name
        request.simpleToken = tokenPrefix
        if isOverloaded {
            outputs.append(.reply(call.number, .failure(.tooManyRequests)))
        } else if let error = propose(
            .authenticate(request), by: .nobody, call: call.number,
            purpose: .logIn(revision: revision))
        {
            outputs.append(.reply(call.number, .failure(error)))
        }
    }

    /// The log-in is applied. Users changed since the password was checked: then it is void.
    func answerLogIn(
        _ call: CallNumber, _ applied: Applied, checkedAt revision: UInt64,
        _ outputs: inout [Output]
    ) {
        guard case .reply(let reply) = applied.outcome,
            case .loggedIn(let token, let user, let now) = reply
        else {
            let error: EtcdError =
                if case .failure(let error) = applied.outcome { error } else { .authFailed }
            outputs.append(.reply(call, .failure(error)))
            return
        }
        if now != revision {
            outputs.append(.reply(call, .failure(.authOldRevision)))
        } else if token.isEmpty {
            outputs.append(
                .reply(
                    call,
                    .compute(.signedToken(user: user, revision: now, header(revision: nil)))))
        } else {
            outputs.append(.reply(call, .message(encode(reply, revision: applied.revision))))
        }
    }

    // MARK: Tokens

    func follow(_ event: AuthEvent) {
        switch event {
        case .enabled: break
        case .disabled: tokens.removeAll()
        case .userChanged(let name): tokens.forget(name)
        case .loggedIn(let user, let prefix, let index):
            tokens.add(prefix, index: index, user: user, now: now)
        }
    }

    /// A token that another member gave may be known here a moment later: whoever brings it waits
    /// until this member has applied the log-in. True when the input is kept for then.
    func holdsBack(_ identity: Identity, _ input: Input) -> Bool {
        guard ledger.auth.isEnabled, case .token(let token) = identity,
            tokens.use(token, now: now) == nil, let index = Tokens.index(token),
            index >= ledger.appliedIndex.number, early.count < Limits.earlyTokens
        else { return false }
        early.append(
            EarlyToken(index: index, deadline: now + settings.requestTimeout, input: input))
        return true
    }

    /// What may go on now: its token is known, or its time is up.
    func admitEarly(_ outputs: inout [Output]) {
        guard !early.isEmpty else { return }
        let applied = ledger.appliedIndex.number
        let ready = early.filter { $0.index < applied || $0.deadline <= now }
        guard !ready.isEmpty else { return }
        early.removeAll { $0.index < applied || $0.deadline <= now }
        for waiting in ready {
            switch waiting.input {
            case .called(let call, let request): accept(call, request, &outputs)
            case .watchRequested(let stream, let request, let identity):
                answerWatch(stream, request, identity, &outputs)
            default: invariant(false, "\(waiting.input) carries no token")
            }
        }
    }

    func forgetEarly(_ call: CallNumber) {
        early.removeAll { waiting in
            if case .called(let early, _) = waiting.input { early.number == call } else { false }
        }
    }
}

/// A call whose token ends with an index that is not applied here yet.
struct EarlyToken {
    var index: UInt64
    var deadline: Instant
    var input: Input
}
