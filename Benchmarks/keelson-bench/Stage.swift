// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix

/// The one reactor, driven by hand so that a workload reads from top to bottom.
internal final class Stage {
    private static let dialTime: Duration = .seconds(5)

    internal let options: Options
    internal let reactor: Reactor
    private let dialer: Dialer

    internal init(_ options: Options) throws(BenchError) {
        self.options = options
        do throws(NetError) {
            reactor = try Reactor()
            dialer = try Dialer(on: reactor)
            dialer.certificates = try Stage.certificates(options)
        } catch {
            throw .net(error)
        }
    }

    private static func certificates(
        _ options: Options
    ) throws(NetError) -> CertificateReload? {
        guard !options.authorityFile.isEmpty else { return nil }
        var policy = TLSPolicy()
        policy.authorityFile = options.authorityFile
        if !options.certificateFile.isEmpty {
            policy.credentials = .init(
                certificateFile: options.certificateFile, keyFile: options.keyFile)
        }
        policy.applicationProtocols = ["h2"]
        return try CertificateReload(policy, .client) { _ in }
    }

    /// Opens that many links, spread over the endpoints, and waits until all may carry requests.
    internal func open(
        _ count: Int, to endpoints: [SocketAddress]? = nil, _ handler: any LinkHandler
    ) throws(BenchError) -> [Link] {
        let targets = endpoints ?? options.endpoints
        var links: [Link] = []
        var failure: BenchError?
        for index in 0..<count {
            let target = targets[index % targets.count]
            dialer.dial(target, timeout: Stage.dialTime) { [reactor, dialer] result in
                do throws(NetError) {
                    let session = try dialer.certificates?.clientSession(
                        host: target.host, now: reactor.now)
                    let connection = try Connection(
                        on: reactor, socket: result.get(), session: session)
                    links.append(Link(connection, "\(target)", handler))
                } catch {
                    failure = .net(error)
                }
            }
        }
        let areOpen = try run(within: 10) {
            failure != nil || links.contains(where: \.isClosed)
                || links.count == count && links.allSatisfy(\.isOpen)
        }
        if let failure { throw failure }
        if !areOpen || !links.allSatisfy(\.isOpen) {
            throw .failed("no HTTP/2 from \(targets)")
        }
        return links
    }

    internal func run(seconds: Double) throws(BenchError) {
        _ = try run(within: seconds) { false }
    }

    /// Turns the reactor until `isDone`, asked after each turn; false if that took too long.
    internal func run(within seconds: Double, until isDone: () -> Bool) throws(BenchError) -> Bool {
        let deadline = MonotonicClock.now + .seconds(seconds)
        while !isDone() {
            let left = deadline - MonotonicClock.now
            if left <= .zero { return false }
            do throws(NetError) {
                try reactor.runTurn(timeout: left)
            } catch {
                throw .net(error)
            }
        }
        return true
    }
}
