// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Why a name has no address, in the words of the resolver.
package struct NameLookupError: Error, Equatable, Sendable, CustomStringConvertible {
    package var host: String
    package var reason: String
    /// The name is known not to exist; otherwise the lookup may work later.
    package var isUnknownName: Bool

    package var description: String { "lookup \(host): \(reason)" }
}

/// Names to addresses. It blocks for as long as DNS takes: on helper threads, or before the work
/// begins.
package struct NameLookup: Sendable {
    /// Asked before the system, so that tests and sandboxes can have names of their own.
    package var hosts: [String: [String]]
    /// A file like /etc/hosts, asked next. Read anew each time, so that it may come or change later.
    package var hostsFile: String?

    /// `hostsFile` is what KEELSON_HOSTS names, unless said otherwise: in a sandbox, where pods are
    /// processes and have no DNS, every program finds its peers by it.
    package init(
        hosts: [String: [String]] = [:], hostsFile: String? = NameLookup.fileOfEnvironment
    ) {
        self.hosts = hosts
        self.hostsFile = hostsFile
    }

    package static var fileOfEnvironment: String? {
        guard let path = unsafe getenv("KEELSON_HOSTS") else { return nil }
        let text = unsafe String(cString: path)
        return text.isEmpty ? nil : text
    }

    /// An address in digits, or one of the table: what needs no waiting. Nil if it would.
    package func immediate(_ host: String, port: UInt16) -> [SocketAddress]? {
        if let address = SocketAddress(host: host, port: port) { return [address] }
        guard let listed = hosts[host] else { return nil }
        return listed.compactMap { SocketAddress(host: $0, port: port) }
    }

    /// In the order in which they should be tried; never empty.
    package func addresses(
        of host: String, port: UInt16
    ) throws(NameLookupError) -> [SocketAddress] {
        if let known = immediate(host, port: port), !known.isEmpty { return known }
        let listed = filed(host).compactMap { SocketAddress(host: $0, port: port) }
        if !listed.isEmpty { return listed }
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { throw failure(host, code) }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let info = unsafe next {
            let size = Int(unsafe info.pointee.ai_addrlen)
            let bytes = unsafe Array(
                UnsafeRawBufferPointer(start: info.pointee.ai_addr, count: size))
            if let address = SocketAddress(kernelForm: bytes)?.with(port: port),
                !found.contains(address)
            {
                found.append(address)
            }
            unsafe next = info.pointee.ai_next
        }
        if found.isEmpty { throw failure(host, EAI_NONAME) }
        return found
    }

    /// What the file says; nothing if there is none.
    private func filed(_ host: String) -> [String] {
        lines().compactMap { line in line.names.contains(host) ? line.address : nil }
    }

    private func lines() -> [(address: String, names: [String])] {
        guard let hostsFile, let text = try? File(hostsFile, .read).readAll(limit: 1 << 20) else {
            return []
        }
        return String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
            guard let address = words.first else { return nil }
            return (String(address), words.dropFirst().map(String.init))
        }
    }

    /// The names that an address is known by; none if nobody knows one.
    package func names(of address: SocketAddress) -> [String] {
        let bare = address.with(port: 0)
        var found = hosts.filter { $0.value.contains { SocketAddress(host: $0, port: 0) == bare } }
            .map(\.key).sorted()
        for line in lines() where SocketAddress(host: line.address, port: 0) == bare {
            found += line.names
        }
        let form = address.kernelForm
        var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = unsafe form.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return Int32(EAI_NONAME) }
            return unsafe getnameinfo(
                base.assumingMemoryBound(to: sockaddr.self), socklen_t(buffer.count), &name,
                socklen_t(name.count), nil, 0, NI_NAMEREQD)
        }
        if code == 0 {
            let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            found.append(String(decoding: bytes, as: UTF8.self))
        }
        return found
    }

    /// Whether a name of the address is on the list (`*.example` stands for all that end so), or an
    /// address of a name on the list is this one. Throws if it is not, and a name could not be
    /// looked up.
    package func address(
        _ address: SocketAddress, belongsToOneOf list: [String]
    ) throws(NameLookupError) -> Bool {
        let wildcards = list.filter { $0.hasPrefix("*.") }.map { $0.dropFirst() }
        let plain = list.filter { !$0.hasPrefix("*.") }
        for name in names(of: address) {
            let bare = name.hasSuffix(".") ? String(name.dropLast()) : name
            if plain.contains(bare) || wildcards.contains(where: { bare.hasSuffix($0) }) {
                return true
            }
        }
        var failure: NameLookupError?
        for name in plain {
            do throws(NameLookupError) {
                let found = try addresses(of: name, port: address.port)
                if found.contains(where: { $0.host == address.host }) { return true }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return false
    }

    /// Where to listen for "host:port". No host means all interfaces.
    package func addressesToListen(
        on endpoint: HostPort
    ) throws(NameLookupError) -> [SocketAddress] {
        if endpoint.host.isEmpty {
            let any = SocketAddress.v6(
                host: [UInt8](repeating: 0, count: 16), port: endpoint.port, scope: 0)
            let probe = try? Socket.listen(any.with(port: 0))
            return [probe == nil ? .v4(host: 0, port: endpoint.port) : any]
        }
        return try addresses(of: endpoint.host, port: endpoint.port)
    }

    private func failure(_ host: String, _ code: Int32) -> NameLookupError {
        let isUnknown = code == EAI_NONAME || code == -5  // EAI_NODATA
        if isUnknown {
            return NameLookupError(host: host, reason: "no such host", isUnknownName: true)
        }
        let text = unsafe String(cString: gai_strerror(code)).lowercased()
        return NameLookupError(host: host, reason: text, isUnknownName: false)
    }
}

extension SocketAddress {
    package func with(port: UInt16) -> SocketAddress {
        switch self {
        case .v4(let host, _): .v4(host: host, port: port)
        case .v6(let host, _, let scope): .v6(host: host, port: port, scope: scope)
        case .unix: self
        }
    }
}
