// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import MVCC
import Replicated
import Testing

@Suite struct UserTests {
    @Test func `a new cluster has no users, revision 1, and authentication is off`() throws {
        var scribe = Scribe()
        let status = try AuthStatusResponse(decoding: scribe.apply(authStatus()).answer)
        #expect(!status.enabled)
        #expect(status.authRevision == 1)
        #expect(try scribe.names(scribe.apply(listUsers())).isEmpty)
        #expect(scribe.apply(logIn("root")).failure == .authNotEnabled)
    }

    @Test func `switching on needs a user root that has the role root`() {
        var scribe = Scribe()
        #expect(scribe.apply(enableAuth()).failure == .rootUserNotExist)
        scribe.apply(addUser("root"))
        #expect(scribe.apply(enableAuth()).failure == .rootRoleNotExist)
        // The role itself need not exist.
        #expect(scribe.apply(grantRole("root", "root")).failure == nil)
        #expect(scribe.apply(enableAuth()).auth == .enabled)
        #expect(scribe.ledger.auth.isEnabled)
        #expect(scribe.apply(as: "root", enableAuth()).failure == nil)
    }

    /// What each change does to the auth revision: the rule, change by change.
    @Test func `only real changes raise the auth revision`() {
        var scribe = Scribe()
        let steps: [(Command, UInt64, EtcdError?)] = [
            (addUser("root"), 1, nil), (addUser("root"), 0, .userAlreadyExist),
            (addUser(""), 0, .userEmpty), (grantRole("root", "root"), 1, nil),
            (grantRole("root", "root"), 0, nil), (grantRole("root", "r"), 0, .roleNotFound),
            (grantRole("x", "root"), 0, .userNotFound), (addRole("r"), 1, nil),
            (addRole("r"), 0, .roleAlreadyExist), (addRole(""), 0, .roleEmpty),
            (grantRole("root", "r"), 1, nil), (revokeRole("root", "r"), 1, nil),
            (revokeRole("root", "r"), 0, .roleNotGranted),
            (revokeRole("x", "r"), 0, .userNotFound), (permit("r", .read, "a"), 1, nil),
            (permit("r", .read, "a"), 1, nil), (permit("r", .write, "a"), 1, nil),
            (permit("x", .read, "a"), 0, .roleNotFound),
            (permit("r", .read, ""), 0, .invalidAuthMgmt),
            (permit("r", .read, "b", "a"), 0, .invalidAuthMgmt),
            (permit("r", .read, "b", "b"), 0, .invalidAuthMgmt),
            (.authRoleGrantPermission(.with { $0.name = "r" }), 0, .permissionNotGiven),
            (withdraw("r", "a"), 1, nil), (withdraw("r", "a"), 0, .permissionNotGranted),
            (withdraw("x", "a"), 0, .roleNotFound), (changePassword("root", hash: "AA=="), 1, nil),
            (changePassword("x", hash: "AA=="), 0, .userNotFound),
            (changePassword("root", hash: "*"), 0, .noPasswordUser),
            (addUser("u", hash: "*"), 0, .noPasswordUser), (addUser("u"), 1, nil),
            (deleteUser("u"), 1, nil), (deleteUser("u"), 0, .userNotFound),
            (deleteRole("r"), 1, nil), (deleteRole("r"), 0, .roleNotFound),
            (getUser("x"), 0, .userNotFound), (getRole("x"), 0, .roleNotFound),
            (getUser("root"), 0, nil), (listUsers(), 0, nil), (listRoles(), 0, nil),
            (authStatus(), 0, nil), (disableAuth(), 0, nil), (enableAuth(), 0, nil),
            (deleteUser("root"), 0, .invalidAuthMgmt),
            (revokeRole("root", "root"), 0, .invalidAuthMgmt), (addRole("root"), 1, nil),
            (deleteRole("root"), 0, .invalidAuthMgmt), (disableAuth(), 1, nil),
            (deleteRole("root"), 1, nil), (deleteUser("root"), 1, nil),
            (enableAuth(), 0, .rootUserNotExist),
        ]
        for (number, (command, rise, error)) in steps.enumerated() {
            let before = scribe.ledger.auth.revision
            let revision = scribe.ledger.keyspace.revision
            let applied = scribe.apply(as: "root", command)
            #expect(applied.failure == error, "step \(number)")
            #expect(scribe.ledger.auth.revision == before + rise, "step \(number)")
            #expect(scribe.ledger.keyspace.revision == revision)
        }
    }

    @Test func `lists come in byte order`() throws {
        var scribe = Scribe()
        for name in ["zoe", "Anna", "émile", "bob"] { scribe.apply(addUser(name)) }
        #expect(try scribe.names(scribe.apply(listUsers())) == ["Anna", "bob", "zoe", "émile"])
        for name in ["z", "a"] {
            scribe.apply(addRole(name))
            scribe.apply(grantRole("bob", name))
        }
        #expect(try scribe.names(scribe.apply(listRoles())) == ["a", "z"])
        #expect(try scribe.names(scribe.apply(getUser("bob"))) == ["a", "z"])
        scribe.apply(deleteRole("a"))
        #expect(try scribe.names(scribe.apply(getUser("bob"))) == ["z"])
    }

    @Test func `names that look alike are different users`() throws {
        var scribe = Scribe()
        scribe.beginAuth()
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        #expect(composed == decomposed)
        scribe.add(composed, [(.readWrite, "a", "")])
        #expect(scribe.apply(as: "root", addUser(decomposed)).failure == nil)
        let put = Command.put(PutRequest(key: bytes("a"), value: [], lease: 0))
        #expect(scribe.apply(as: composed, put).failure == nil)
        #expect(scribe.apply(as: decomposed, put).failure == .permissionDenied)
        let users = try scribe.names(scribe.apply(as: "root", listUsers()))
        #expect(users.count == 3)
    }

    @Test func `a user without a password cannot log in, one with a new password has new tokens`() {
        var scribe = Scribe()
        scribe.beginAuth()
        scribe.apply(as: "root", addUser("cert", hash: "", noPassword: true))
        #expect(scribe.apply(logIn("cert")).failure == .authFailed)
        #expect(scribe.apply(logIn("nobody")).failure == .authFailed)
        let applied = scribe.apply(logIn("root"))
        let index = scribe.ledger.appliedIndex.number
        #expect(
            applied.auth
                == .loggedIn(user: "root", tokenPrefix: "abcdefghijklmnop", index: index))
        #expect(
            scribe.apply(as: "root", changePassword("root", hash: "AA==")).auth
                == .userChanged("root"))
        #expect(
            scribe.apply(as: "root", deleteUser("cert")).auth == .userChanged("cert"))
        #expect(scribe.apply(as: "root", disableAuth()).auth == .disabled)
    }

    @Test func `a token ends with the index that the cluster's version writes`() throws {
        for (version, behind) in [("3.4.0", 0), ("3.5.0", 1), ("3.6.0", 1)] as [(String, UInt64)] {
            var scribe = Scribe()
            scribe.beginAuth()
            scribe.apply(data: ClusterRequest.setVersion(version, requestID: 2))
            let applied = scribe.apply(logIn("root"))
            let token = try AuthenticateResponse(decoding: applied.answer).token
            let index = scribe.ledger.appliedIndex.number - behind
            #expect(token == "abcdefghijklmnop.\(index)", "\(version)")
        }
    }

    @Test func `passwords never stand in an entry or a row in clear`() throws {
        var scribe = Scribe()
        scribe.apply(
            .authUserAdd(
                .with {
                    $0.name = "old"
                    $0.password = "secret"
                }))
        let all = rows(of: scribe.ledger.view()).flatMap { $0.key + $0.value }
        #expect(!text(all).contains("secret"))
        #expect(scribe.ledger.auth.passwordHash(of: "old") == [])
    }
}
