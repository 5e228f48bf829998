// SPDX-License-Identifier: Apache-2.0
import EtcdAPI
import EtcdClient
import FakeEtcd
import HTTP
import Testing

struct LoginTests {
    /// What a call carried: its path, and the token if there was one.
    private struct Carried: Equatable {
        var path: String
        var token: String?
    }

    private func value(_ name: String, _ fields: [HeaderField]) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// Gives the tokens t1, t2, … and takes only the newest `valid`th.
    private func server(valid: Int, _ seen: Seen<Carried>, _ logins: Seen<Bool>) throws
        -> FakeServer
    {
        let heads = Seen<(StreamID, Carried)>()
        return try FakeServer { event, connection in
            switch event {
            case .call(let id, let call):
                heads.add((id, Carried(path: call.path, token: call.metadata.value(of: "token"))))
            case .message(let id, _):
                guard let carried = heads.all.last(where: { $0.0 == id })?.1 else { return }
                seen.add(carried)
                if carried.path.hasSuffix("/Authenticate") {
                    let number = logins.count(true)
                    connection.server.reply(
                        id, AuthenticateResponse.with { $0.token = "t\(number)" }.encoded())
                } else if carried.token == "t\(valid)" {
                    connection.server.reply(id, RangeResponse.with { $0.count = 7 }.encoded())
                } else {
                    connection.server.finish(
                        id, code: 16, message: EtcdError.invalidAuthToken.text)
                }
            default: break
            }
        }
    }

    private func client(_ server: FakeServer) throws -> Client {
        var settings = ClientSettings(endpoints: [server.endpoint])
        settings.login = Login(name: "ann", password: "secret")
        return try Client(settings)
    }

    @Test
    func `a login is made once, and its token goes along with each call`() throws {
        let (seen, logins) = (Seen<Carried>(), Seen<Bool>())
        let server = try server(valid: 1, seen, logins)
        let client = try client(server)
        #expect(try client.range(RangeRequest(key: [1])).count == 7)
        #expect(try client.range(RangeRequest(key: [1])).count == 7)
        #expect(logins.all.count == 1)
        #expect(seen.all.map(\.token) == [nil, "t1", "t1"])
    }

    @Test
    func `a token that is not known any more is replaced, and the call made again`() throws {
        let (seen, logins) = (Seen<Carried>(), Seen<Bool>())
        let server = try server(valid: 2, seen, logins)
        let client = try client(server)
        #expect(try client.range(RangeRequest(key: [1])).count == 7)
        #expect(seen.all.map(\.token) == [nil, "t1", nil, "t2"])
    }

    @Test
    func `a server that takes no token at all is asked twice only`() throws {
        let (seen, logins) = (Seen<Carried>(), Seen<Bool>())
        let server = try server(valid: 99, seen, logins)
        let client = try client(server)
        #expect(throws: ClientError.self) { _ = try client.range(RangeRequest(key: [1])) }
        #expect(logins.all.count == 2)
    }

    @Test
    func `a server without authentication is called without a token`() throws {
        let server = try FakeServer { event, connection in
            guard case .message(let id, let bytes) = event else { return }
            let isLogin = (try? AuthenticateRequest(decoding: bytes))?.name == "ann"
            if isLogin {
                connection.server.finish(id, code: 9, message: EtcdError.authNotEnabled.text)
            } else {
                connection.server.reply(id, RangeResponse.with { $0.count = 3 }.encoded())
            }
        }
        #expect(try client(server).range(RangeRequest(key: [0xff])).count == 3)
    }
}
