// SPDX-License-Identifier: Apache-2.0
import Bytes
import Net
import Posix
import TestKit

/// A client's and a server's session joined in memory: no socket, no clock.
final class TLSTwin {
    let client: TLSSession
    let server: TLSSession
    private(set) var clientFailure: String?
    private(set) var serverFailure: String?
    var clientGot: [UInt8] = []
    var serverGot: [UInt8] = []
    /// Bytes handed over at a time; nil: all there are.
    var fragment: Int?
    /// What each pause of the server found: bytes for the wire.
    private(set) var pauses: [Bool] = []

    init(
        _ clientPolicy: TLSPolicy, _ serverPolicy: TLSPolicy, host: String? = "127.0.0.1",
        pauses: Bool = false
    ) throws {
        server = try TLSSession(TLSContext(serverPolicy, .server), pauses: pauses)
        client = try TLSSession(TLSContext(clientPolicy, .client), host: host)
    }

    /// Carries bytes to and fro until nothing moves any more.
    func run() {
        for _ in 0..<100_000 {
            let there = move(client, server, &clientFailure, &serverFailure, &serverGot)
            let back = move(server, client, &serverFailure, &clientFailure, &clientGot)
            if !there && !back { return }
        }
    }

    private func move(
        _ from: TLSSession, _ to: TLSSession, _ fromFailure: inout String?,
        _ toFailure: inout String?, _ got: inout [UInt8]
    ) -> Bool {
        var moved = false
        var chunks: [[UInt8]] = []
        do { chunks = try from.takeOutput() } catch { fromFailure = fromFailure ?? "\(error)" }
        for chunk in chunks {
            moved = true
            let step = fragment ?? chunk.count
            for start in stride(from: 0, to: chunk.count, by: max(1, step)) {
                let part = Array(chunk[start..<min(chunk.count, start + step)])
                feed(part, to, &toFailure, &got)
            }
        }
        return moved
    }

    private func feed(
        _ part: [UInt8], _ to: TLSSession, _ failure: inout String?, _ got: inout [UInt8]
    ) {
        if failure != nil { return }
        do throws(NetError) {
            try unsafe part.withUnsafeBufferPointer { buffer throws(NetError) in
                try unsafe to.receive(UnsafeRawBufferPointer(buffer))
            }
            while to.isPaused {
                pauses.append(to.hasOutput)
                try to.goOn()
            }
            var room = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = try unsafe room.withUnsafeMutableBufferPointer {
                    buffer throws(NetError) in
                    try unsafe to.read(into: UnsafeMutableRawBufferPointer(buffer))
                }
                if count == 0 { break }
                got += room[..<count]
            }
        } catch {
            failure = "\(error)"
        }
    }

    /// Both know each other, and a word went both ways.
    var works: Bool {
        client.write(Array("ping".utf8))
        server.write(Array("pong".utf8))
        run()
        return clientGot == Array("pong".utf8) && serverGot == Array("ping".utf8)
    }
}

/// A folder with two authorities and what they signed.
final class TLSPapers {
    let folder: TemporaryFolder
    let authority: TestAuthority
    let stranger: TestAuthority

    init() throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority("ca", in: folder.path)
        stranger = try TestAuthority("stranger", in: folder.path)
        try authority.issue("server", .init("server", ["IP:127.0.0.1", "DNS:one.example"]))
    }

    func server(_ change: (inout TLSPolicy) -> Void = { _ in }) -> TLSPolicy {
        var policy = TLSPolicy()
        policy.credentials = credentials("server")
        change(&policy)
        return policy
    }

    /// One that asks for certificates of our authority.
    func strictServer(_ change: (inout TLSPolicy) -> Void = { _ in }) -> TLSPolicy {
        server {
            $0.requiresClientCertificate = true
            $0.authorityFile = authority.certificateFile
            change(&$0)
        }
    }

    func client(
        _ name: String? = nil, _ change: (inout TLSPolicy) -> Void = { _ in }
    ) -> TLSPolicy {
        var policy = TLSPolicy()
        policy.authorityFile = authority.certificateFile
        policy.credentials = name.map(credentials)
        change(&policy)
        return policy
    }

    func credentials(_ name: String) -> TLSPolicy.Credentials {
        .init(certificateFile: folder["\(name).crt"], keyFile: folder["\(name).key"])
    }
}
