// SPDX-License-Identifier: Apache-2.0
import Bytes
import EtcdAPI
import Replicated
import Testing

/// Random administration and random writes, beside a model that knows nothing clever.
@Suite struct AuthTwinTests {
    /// Users, roles and rules as plain lists.
    private struct Model {
        var isEnabled = false
        var revision: UInt64 = 1
        var users: [String: [String]] = [:]
        var roles: [String: [(type: Permission.PermissionType, key: String, end: String)]] = [:]

        mutating func apply(_ command: Command, _ asker: String, _ asked: UInt64) -> EtcdError? {
            if let error = refusal(command, asker, asked) { return error }
            return change(command)
        }

        private func isRoot(_ user: String) -> Bool { users[user]?.contains("root") ?? false }

        private func refusal(
            _ command: Command, _ asker: String, _ asked: UInt64
        ) -> EtcdError? {
            guard isEnabled else { return nil }
            switch command {
            case .put(let put):
                if asker.isEmpty || asked == 0 { return .userEmpty }
                if asked < revision { return .authOldRevision }
                if isRoot(asker) || mayWrite(asker, text(put.key)) { return nil }
                return .permissionDenied
            default:
                if asker.isEmpty { return .userEmpty }
                return isRoot(asker) ? nil : .permissionDenied
            }
        }

        private func mayWrite(_ user: String, _ key: String) -> Bool {
            for role in users[user] ?? [] {
                for rule in roles[role] ?? [] where rule.type != .read {
                    if rule.end.isEmpty ? key == rule.key : key >= rule.key && key < rule.end {
                        return true
                    }
                }
            }
            return false
        }

        private mutating func change(_ command: Command) -> EtcdError? {
            switch command {
            case .authEnable:
                if isEnabled { return nil }
                guard users["root"] != nil else { return .rootUserNotExist }
                guard isRoot("root") else { return .rootRoleNotExist }
                isEnabled = true
            case .authDisable:
                if isEnabled { revision += 1 }
                isEnabled = false
            case .authUserAdd(let request):
                if users[request.name] != nil { return .userAlreadyExist }
                users[request.name] = []
                revision += 1
            case .authUserDelete(let request):
                if isEnabled, request.name == "root" { return .invalidAuthMgmt }
                if users.removeValue(forKey: request.name) == nil { return .userNotFound }
                revision += 1
            case .authRoleAdd(let request):
                if roles[request.name] != nil { return .roleAlreadyExist }
                roles[request.name] = []
                revision += 1
            case .authRoleDelete(let request):
                if isEnabled, request.role == "root" { return .invalidAuthMgmt }
                if roles.removeValue(forKey: request.role) == nil { return .roleNotFound }
                users = users.mapValues { $0.filter { $0 != request.role } }
                revision += 1
            case .authUserGrantRole(let request):
                guard let held = users[request.user] else { return .userNotFound }
                if request.role != "root", roles[request.role] == nil { return .roleNotFound }
                if held.contains(request.role) { return nil }
                users[request.user] = held + [request.role]
                revision += 1
            case .authUserRevokeRole(let request):
                if isEnabled, request.name == "root", request.role == "root" {
                    return .invalidAuthMgmt
                }
                guard let held = users[request.name] else { return .userNotFound }
                guard held.contains(request.role) else { return .roleNotGranted }
                users[request.name] = held.filter { $0 != request.role }
                revision += 1
            case .authRoleGrantPermission(let request): return permit(request)
            case .authRoleRevokePermission(let request):
                guard var rules = roles[request.role] else { return .roleNotFound }
                let count = rules.count
                rules.removeAll { $0.key == text(request.key) && $0.end == text(request.rangeEnd) }
                if rules.count == count { return .permissionNotGranted }
                roles[request.role] = rules
                revision += 1
            default: break
            }
            return nil
        }

        private mutating func permit(_ request: AuthRoleGrantPermissionRequest) -> EtcdError? {
            guard let given = request.perm else { return .permissionNotGiven }
            let (key, end) = (text(given.key), text(given.rangeEnd))
            if !end.isEmpty, key >= end { return .invalidAuthMgmt }
            guard var rules = roles[request.name] else { return .roleNotFound }
            // The oldest rule of a key is the one that is compared.
            if let first = rules.firstIndex(where: { $0.key == key }), rules[first].end == end {
                rules[first].type = given.permType
            } else {
                rules.append((given.permType, key, end))
            }
            roles[request.name] = rules
            revision += 1
            return nil
        }
    }

    private func command(_ random: inout Random) -> Command {
        let users = ["root", "a", "b", "c"]
        let roles = ["root", "r", "s"]
        let user = users[random.below(users.count)]
        let role = roles[random.below(roles.count)]
        let keys = ["k", "l", "m", "n"]
        let (key, end) = (keys[random.below(4)], ["", "l", "m", "z"][random.below(4)])
        switch random.below(18) {
        case 0: return enableAuth()
        case 1: return random.below(3) == 0 ? disableAuth() : enableAuth()
        case 2: return addUser(user)
        case 3: return random.below(2) == 0 ? deleteUser(user) : addUser(user)
        case 4: return addRole(role)
        case 5: return random.below(3) == 0 ? deleteRole(role) : addRole(role)
        case 6, 7: return grantRole(user, role)
        case 8: return revokeRole(user, role)
        case 9, 10:
            let types: [Permission.PermissionType] = [.read, .write, .readWrite]
            return permit(role, types[random.below(3)], key, end)
        case 11: return withdraw(role, key, end)
        default: return .put(PutRequest(key: bytes(key), value: bytes("v"), lease: 0))
        }
    }

    /// Known bug: 11651.
    @Test(arguments: [UInt64](1...6))
    func `users, rules and refusals are those of the model, also after restarts`(
        _ seed: UInt64
    ) throws {
        var random = Random(seed: seed)
        var straight = Scribe()
        var restarted = Scribe()
        var silent = Scribe()
        silent.isProposer = false
        var model = Model()
        var counts: [String: Int] = [:]
        for step in 0..<1_500 {
            let command = command(&random)
            let asker = ["root", "root", "root", "a", "b", "c", ""][random.below(7)]
            let revision = model.revision - (random.below(10) == 0 ? 1 : 0)
            let expected = model.apply(command, asker, revision)
            let label = "seed \(seed) step \(step): \(command) by \(asker)"
            #expect(
                straight.apply(as: asker, at: revision, command).failure == expected, "\(label)")
            #expect(restarted.apply(as: asker, at: revision, command).failure == expected)
            #expect(silent.apply(as: asker, at: revision, command).failure == expected)
            #expect(straight.ledger.auth.revision == model.revision, "\(label)")
            #expect(straight.ledger.auth.isEnabled == model.isEnabled, "\(label)")
            if random.below(40) == 0 { restarted = Scribe(try reloaded(restarted.ledger)) }
            if step % 50 == 0 {
                let hash = straight.ledger.stateHash()
                #expect(restarted.ledger.stateHash() == hash, "\(label)")
                #expect(silent.ledger.stateHash() == hash, "\(label)")
            }
            counts[expected.map { "\($0)" } ?? "done", default: 0] += 1
        }
        #expect(counts["permissionDenied", default: 0] > 20, "seed \(seed): \(counts)")
        #expect(counts["done", default: 0] > 200, "seed \(seed): \(counts)")
    }
}
