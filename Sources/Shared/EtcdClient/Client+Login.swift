// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import HTTP

extension Client {
    /// Gets a token, unless there is one or nobody to log in. A server that wants no login is fine.
    package func logIn() throws(ClientError) {
        guard let login = settings.login, token == nil, !needsNoLogin else { return }
        do throws(ClientError) {
            token = try authenticate(
                .with { request in
                    request.name = login.name
                    request.password = login.password
                }
            ).token
        } catch {
            guard error.serverMessage == EtcdError.authNotEnabled.text else { throw error }
            needsNoLogin = true
        }
    }

    /// With a token that the server knows: an old one is replaced once.
    func withLogin<Result>(
        _ path: String, _ body: () throws(ClientError) -> Result
    ) throws(ClientError) -> Result {
        if path == RPC.authenticate.path { return try body() }
        try logIn()
        do throws(ClientError) {
            return try body()
        } catch {
            guard error.isOldToken, settings.login != nil else { throw error }
            forgetLogin()
            try logIn()
            return try body()
        }
    }

    func forgetLogin() {
        token = nil
        needsNoLogin = false
    }

    func metadata(for path: String) -> [HeaderField] {
        guard let token, path != RPC.authenticate.path else { return [] }
        return [HeaderField("token", token)]
    }
}

extension ClientError {
    /// The token has expired or was made before users or roles changed, or there was none since
    /// the server wanted none at the time.
    var isOldToken: Bool {
        let texts = [
            EtcdError.invalidAuthToken.text, EtcdError.authOldRevision.text,
            EtcdError.userEmpty.text,
        ]
        return serverMessage.map(texts.contains) ?? false
    }
}
