// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import Formats
internal import HTTP
internal import NodeCore
internal import Posix
internal import Program
internal import Replicated

/// Who asks over /v2: a user of v3, whose password comes with each request. That it is right is
/// remembered until users or roles change; what is kept for that is a salted digest.
final class V2Callers {
    typealias Found = (Result<NodeCore.Identity, EtcdError>) -> Void

    private struct Basic {
        let name: String
        let password: String
        let digest: [UInt8]
    }

    private let member: LocalMember
    private let authenticator: Authenticator
    private var salt: [UInt8]?
    /// By digest: found right at the auth revision `knownAt`. Emptied when it is full.
    private var known: [[UInt8]: NodeCore.Identity] = [:]
    private var knownAt: UInt64 = 0
    /// Requests with the same password wait for one check of it.
    private var waiting: [[UInt8]: [Found]] = [:]

    private static let knownLimit = 1_024
    private static let attemptsMax = 5

    init(_ member: LocalMember, _ authenticator: Authenticator) {
        self.member = member
        self.authenticator = authenticator
    }

    /// A header counts more than a certificate, as in v3.
    func identify(_ head: HTTPRequestHead, commonName: String?, then: @escaping Found) {
        guard member.node.ledger.auth.isEnabled else { return then(.success(.anonymous)) }
        let field = head.headers.value(of: "authorization")
        guard let field, let coded = Self.coded(field) else {
            return then(
                .success(
                    authenticator.identity(token: field, commonName: commonName, isGateway: false)))
        }
        guard let basic = read(coded) else { return then(.failure(.authFailed)) }
        if knownAt == member.node.ledger.auth.revision, let identity = known[basic.digest] {
            return then(.success(identity))
        }
        if waiting[basic.digest] != nil {
            waiting[basic.digest]?.append(then)
            return
        }
        waiting[basic.digest] = [then]
        ask(basic, attempt: 1)
    }

    /// What follows `Basic`; nil for another scheme, or a bare token.
    private static func coded(_ field: String) -> String? {
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic" else { return nil }
        return String(parts[1])
    }

    private func read(_ coded: String) -> Basic? {
        guard let bytes = Base64.decode(coded), let colon = bytes.firstIndex(of: 0x3a) else {
            return nil
        }
        if salt == nil { salt = try? SecureRandom.bytes(32) }
        guard let salt else { return nil }
        return Basic(
            name: String(decoding: bytes[..<colon], as: UTF8.self),
            password: String(decoding: bytes[(colon + 1)...], as: UTF8.self),
            digest: Digest.sha256(salt + bytes))
    }

    // MARK: The check

    private func ask(_ basic: Basic, attempt: Int) {
        member.call(.credentials(name: basic.name)) { [weak self] answer in
            switch answer {
            case .compute(.passwordCheck(let credentials)):
                self?.check(basic, credentials, attempt)
            case .failure(.authNotEnabled): self?.finish(basic, .success(.anonymous))
            case .failure(let error): self?.finish(basic, .failure(error))
            case .message, .list, .compute, .members, .done:
                self?.finish(basic, .failure(.authFailed))
            }
        }
    }

    private func check(_ basic: Basic, _ credentials: Credentials, _ attempt: Int) {
        let password = basic.password
        let cost = authenticator.settings.bcryptCost
        let work = member.bringingBack({
            Authenticator.isRight(password, credentials, cost: cost)
        }) { [weak self] isRight in
            self?.checked(basic, credentials, isRight, attempt)
        }
        if !authenticator.passwords.submit(work) { finish(basic, .failure(.tooManyRequests)) }
    }

    private func checked(
        _ basic: Basic, _ credentials: Credentials, _ isRight: Bool, _ attempt: Int
    ) {
        let revision = member.node.ledger.auth.revision
        if credentials.revision != revision, attempt < Self.attemptsMax {
            return ask(basic, attempt: attempt + 1)
        }
        guard isRight else { return finish(basic, .failure(.authFailed)) }
        let identity = NodeCore.Identity.signed(
            user: credentials.name, authRevision: credentials.revision)
        if credentials.revision == revision { remember(basic, identity, revision) }
        finish(basic, .success(identity))
    }

    private func remember(_ basic: Basic, _ identity: NodeCore.Identity, _ revision: UInt64) {
        if knownAt != revision || known.count >= Self.knownLimit { known = [:] }
        knownAt = revision
        known[basic.digest] = identity
    }

    private func finish(_ basic: Basic, _ result: Result<NodeCore.Identity, EtcdError>) {
        if case .failure(let error) = result, error == .authFailed || error == .noPasswordUser {
            member.logger.warn(
                "invalid authentication was requested",
                ["user": .string(String(basic.name.prefix(128))), "error": .string(error.text)])
        }
        for then in waiting.removeValue(forKey: basic.digest) ?? [] { then(result) }
    }
}
