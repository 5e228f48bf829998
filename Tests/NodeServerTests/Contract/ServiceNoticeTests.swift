// SPDX-License-Identifier: Apache-2.0
import Bytes
import Glibc
import Posix
import TestKit
import Testing

/// The end of a socket that systemd would hold.
private final class NoticeReceiver {
    private let descriptor: Int32
    private(set) var notices: [String] = []

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        let family = UInt16(AF_UNIX)
        let address =
            unsafe withUnsafeBytes(of: family) { unsafe Array($0) } + Array(path.utf8) + [0]
        let code = unsafe address.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return Int32(-1) }
            return unsafe bind(
                descriptor, base.assumingMemoryBound(to: sockaddr.self),
                socklen_t(address.count))
        }
        if code != 0 { throw TestFailure("bind \(path): \(errno)") }
    }

    deinit { _ = close(descriptor) }

    func has(_ line: String) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = unsafe recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            if count <= 0 { break }
            notices += String(decoding: bytes[..<count], as: UTF8.self)
                .split(separator: "\n").map(String.init)
        }
        return notices.contains(line)
    }
}

struct ServiceNoticeTests {
    @Test func `systemd hears that the member is ready, lives and stops`() throws {
        let folder = try TemporaryFolder()
        let receiver = try NoticeReceiver(folder["notify"])
        let ports = try Ports.free(2)
        let process = try TestNode.launch(
            TestNode.arguments(folder, ports[0], ports[1]),
            environment: ["NOTIFY_SOCKET": folder["notify"], "WATCHDOG_USEC": "100000"],
            output: folder["log"])
        try process.wait(for: "READY=1") { receiver.has("READY=1") }
        let fed = receiver.notices.count { $0 == "WATCHDOG=1" }
        try process.wait(for: "WATCHDOG=1") {
            _ = receiver.has("")
            return receiver.notices.count { $0 == "WATCHDOG=1" } > fed + 2
        }
        #expect(!receiver.has("STOPPING=1"))
        #expect(try process.terminate() == .exited(code: 0))
        #expect(receiver.has("STOPPING=1"))
    }
}
