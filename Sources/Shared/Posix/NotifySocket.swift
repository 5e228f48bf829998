// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Datagrams to a unix socket by its path, or by its name without a file ("@name").
package final class NotifySocket {
    private let descriptor: Int32
    private let path: String
    private let address: [UInt8]

    /// The longest path that the kernel takes, with its zero.
    private static let pathMax = 108

    package init(path: String) throws(PosixError) {
        var name = Array(path.utf8)
        guard !name.isEmpty, name.count < Self.pathMax, name[0] == 0x2f || name[0] == 0x40 else {
            throw PosixError("socket", path, code: EINVAL)
        }
        let family = UInt16(AF_UNIX)
        var address = unsafe withUnsafeBytes(of: family) { unsafe Array($0) }
        if name[0] == 0x40 {
            name[0] = 0
            address += name
        } else {
            address += name + [0]
        }
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        descriptor = socket(AF_UNIX, kind, 0)
        if descriptor < 0 { throw PosixError("socket", path) }
        self.path = path
        self.address = address
    }

    deinit {
        _ = Glibc.close(descriptor)
    }

    /// Does not wait for room in the receiver's queue.
    package func send(_ bytes: [UInt8]) throws(PosixError) {
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        let sent = uninterrupted {
            unsafe bytes.withUnsafeBytes { message in
                unsafe address.withUnsafeBytes { address in
                    guard let base = address.baseAddress else { return -1 }
                    return unsafe sendto(
                        descriptor, message.baseAddress, message.count, flags,
                        base.assumingMemoryBound(to: sockaddr.self), socklen_t(address.count))
                }
            }
        }
        if sent < 0 { throw PosixError("sendto", path) }
    }
}
