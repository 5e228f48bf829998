// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import NodeCore
internal import Posix
internal import Program

/// Authenticate: the user's hash after a quorum round, the check on the passwords' thread, then the
/// log-in through the log. If users changed meanwhile, all of it again.
final class AuthenticateCall: ServerCall {
    let context: CallContext
    private var number: CallNumber?
    private var request: AuthenticateRequest?
    private var attempts = 0

    private static let maxAttempts = 5

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        guard request == nil else { return }
        do throws(WireError) {
            let request = try AuthenticateRequest(decoding: message)
            self.request = request
            attempt(request)
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    private func attempt(_ request: AuthenticateRequest) {
        attempts += 1
        number = context.call(.credentials(name: request.name)) { [weak self] answer in
            guard let self else { return }
            switch answer {
            case .compute(.passwordCheck(let credentials)): self.check(request, credentials)
            case .failure(let error): self.refuse(error, request.name)
            case .message, .list, .compute, .members, .done: self.context.fail(.authFailed)
            }
        }
    }

    private func check(_ request: AuthenticateRequest, _ credentials: Credentials) {
        let password = request.password
        let cost = context.authenticator.settings.bcryptCost
        let isTaken = context.checkPassword({
            Authenticator.isRight(password, credentials, cost: cost)
        }) { [weak self] isRight in
            guard let self, !self.context.isOver else { return }
            if isRight { self.logIn(credentials) } else { self.refuse(.authFailed, request.name) }
        }
        if !isTaken { context.fail(.tooManyRequests) }
    }

    private func logIn(_ credentials: Credentials) {
        guard let prefix = context.authenticator.tokenPrefix() else {
            context.finish(code: 13, message: "no random bytes for a token")
            return
        }
        let request = Request.logIn(
            name: credentials.name, tokenPrefix: prefix, revision: credentials.revision)
        number = context.call(request) { [weak self] answer in self?.finish(answer) }
    }

    private func finish(_ answer: Answer) {
        switch answer {
        case .message(let bytes): context.reply(bytes)
        case .compute(.signedToken(let user, let revision, let header)):
            replySigned(user, revision, header)
        case .failure(.authOldRevision):
            if let request, attempts < AuthenticateCall.maxAttempts {
                attempt(request)
            } else {
                context.fail(.authOldRevision)
            }
        case .failure(let error): context.fail(error)
        case .list, .compute, .members, .done: context.fail(.authFailed)
        }
    }

    private func replySigned(_ user: String, _ revision: UInt64, _ header: ResponseHeader) {
        let now = WallClock.nanoseconds / 1_000_000_000
        let signer = context.authenticator.settings.signer
        guard let token = signer?.sign(user: user, authRevision: revision, now: now) else {
            context.finish(
                code: 2, message: "auth: token signing attempted with verify-only key")
            return
        }
        var response = AuthenticateResponse()
        response.header = header
        response.token = token
        context.reply(response.encoded())
    }

    /// Who tried is worth a line; with what is not.
    private func refuse(_ error: EtcdError, _ name: String) {
        if error == .authFailed || error == .noPasswordUser {
            context.member.logger.warn(
                "invalid authentication was requested",
                ["user": .string(String(name.prefix(128))), "error": .string(error.text)])
        }
        context.fail(error)
    }

    func cancelled() {
        if let number { context.member.abandon(number) }
        request = nil
    }
}

/// UserAdd and UserChangePassword: the password becomes a hash before anything is proposed.
final class PasswordCall: ServerCall {
    let context: CallContext
    private var number: CallNumber?
    private var isBegun = false

    init(_ context: CallContext) {
        self.context = context
    }

    func receive(_ message: [UInt8]) {
        guard !isBegun else { return }
        isBegun = true
        do throws(WireError) {
            if context.rpc == .userAdd {
                add(try AuthUserAddRequest(decoding: message))
            } else {
                change(try AuthUserChangePasswordRequest(decoding: message))
            }
        } catch {
            context.fail(.undecodable("\(error)"))
        }
    }

    private func add(_ request: AuthUserAddRequest) {
        if request.options?.noPassword == true {
            ask(.administer(.addUser(request, hash: "")))
        } else {
            hash(request.password) { .addUser(request, hash: $0) }
        }
    }

    private func change(_ request: AuthUserChangePasswordRequest) {
        // As in etcd an empty one takes the password away; none is right then.
        if request.password.isEmpty {
            ask(.administer(.changePassword(request, hash: "")))
        } else {
            hash(request.password) { .changePassword(request, hash: $0) }
        }
    }

    /// Who may not do it is told before time is spent on the hash.
    private func hash(_ password: String, _ make: @escaping (String) -> AuthRequest) {
        if let error = context.member.node.refusal(of: context.identity, for: context.rpc) {
            context.fail(error)
            return
        }
        let cost = context.authenticator.settings.bcryptCost
        let isTaken = context.checkPassword({ Authenticator.hash(password, cost: cost) }) {
            [weak self] result in
            guard let self, !self.context.isOver else { return }
            switch result {
            case .success(let hash): self.ask(.administer(make(hash)))
            case .failure(let failure): self.context.finish(code: 2, message: failure.text)
            }
        }
        if !isTaken { context.fail(.tooManyRequests) }
    }

    private func ask(_ request: Request) {
        let context = self.context
        number = context.call(request) { Answering.answer(context, $0) }
    }

    func cancelled() {
        if let number { context.member.abandon(number) }
    }
}
