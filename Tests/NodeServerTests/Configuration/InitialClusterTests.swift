// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import NodeServer

@Suite struct InitialClusterTests {
    private func members(_ arguments: String...) throws -> [InitialMember] {
        guard case .run(let config, _) = try ConfigurationTests.read(arguments) else { return [] }
        return try config.initialMembers()
    }

    @Test func `a name may stand for several URLs`() throws {
        let members = try members(
            "--name=a", "--initial-advertise-peer-urls=http://127.0.0.1:2,http://127.0.0.1:1",
            "--initial-cluster=a=http://127.0.0.1:2,,b=http://127.0.0.2:1,a=http://127.0.0.1:1")
        #expect(members.map(\.name) == ["a", "b"])
        #expect(
            members[0].peerURLs.map(\.description) == ["http://127.0.0.1:1", "http://127.0.0.1:2"])
    }

    @Test func `a host name and an address may be the same place`() throws {
        let members = try members(
            "--name=a", "--initial-cluster=a=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://localhost:2380")
        #expect(members.count == 1)
    }

    @Test(
        arguments: [
            (
                ["--initial-cluster=a=http://127.0.0.1:2380"],
                "couldn't find local name \"default\" in the initial cluster configuration"
            ),
            (
                ["--initial-cluster=default=http://localhost:2380,default"],
                "error setting up initial cluster: "
                    + "URL scheme must be http, https, unix, or unixs: "
            ),
            (
                ["--initial-cluster=default=http://localhost"],
                "error setting up initial cluster: "
                    + "URL address does not have the form \"host:port\": http://localhost"
            ),
            (
                [
                    "--initial-cluster=default=http://127.0.0.1:2380,a=http://127.0.0.1:2380",
                    "--initial-advertise-peer-urls=http://127.0.0.1:2380",
                ],
                "initial cluster a=http://127.0.0.1:2380,default=http://127.0.0.1:2380 "
                    + "has duplicate url"
            ),
            (
                ["--initial-cluster=default=http://127.0.0.1:2381"],
                "--initial-cluster has default=http://127.0.0.1:2381 but missing from "
                    + "--initial-advertise-peer-urls=http://localhost:2380"
            ),
            (
                [
                    "--initial-cluster=default=http://127.0.0.1:1",
                    "--initial-advertise-peer-urls=http://127.0.0.1:1,http://127.0.0.1:2",
                ],
                "--initial-cluster must include default=http://127.0.0.1:2 given "
                    + "--initial-advertise-peer-urls=http://127.0.0.1:1,http://127.0.0.1:2"
            ),
        ] as [([String], String)])
    func `contradictions are told as etcd does`(_ arguments: [String], _ text: String) throws {
        guard case .run(let config, _) = try ConfigurationTests.read(arguments) else { return }
        #expect(throws: ConfigError.invalid(text)) { try config.initialMembers() }
    }

    // MARK: URLs

    @Test(
        arguments: [
            ("http://127.0.0.1:1", "127.0.0.1", 1, true),
            ("http://[::1]:65535", "::1", 65535, true),
            ("HTTP://localhost:2379", "localhost", 2379, true),
            (" http://m1.example:80 ", "m1.example", 80, false), ("http://:1", "", 1, false),
            ("unix://localhost:1", "localhost:1", 0, true), ("unix:///run/s", "/run/s", 0, true),
            ("http://0.0.0.0:1", "0.0.0.0", 1, true),
            ("http://[fe80::1:2]:1", "fe80::1:2", 1, true),
            ("http://[::ffff:1.2.3.4]:1", "::ffff:1.2.3.4", 1, true),
            ("http://1.2.3:1", "1.2.3", 1, false), ("http://1.2.3.256:1", "1.2.3.256", 1, false),
        ] as [(String, String, Int, Bool)])
    func `urls are taken apart`(
        _ text: String, _ host: String, _ port: Int, _ bindable: Bool
    ) throws {
        let url = try ServiceURL(text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.isBindable == bindable)
    }

    @Test(arguments: [
        "", "http", "http:", "http://", "http://a", "http://a:b", "http://a:99999", "http://[::1",
        "http://::1:1", "http://[::1]", "://a:1", "http://a:1/", "http://a:1?x", "1http://a:1",
        "http://a\n:1", "http:a:1", "http://%zz:1", "http://a@b:1",
    ])
    func `what is no url of a service`(_ text: String) {
        #expect(throws: ConfigError.self) { try ServiceURL(text) }
    }

    @Test(arguments: ["1:2:3:4:5:6:7:8", "::", "1::", "::1", "1::8", "1:2:3:4:5:6:7::"])
    func `addresses of the sixth version`(_ text: String) {
        #expect(ServiceURL.isIPv6(text))
    }

    @Test(arguments: [
        "", ":", ":::", "1", "1:2", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::", "::1.2.3", "1.2.3.4",
    ])
    func `no addresses of the sixth version`(_ text: String) {
        #expect(!ServiceURL.isIPv6(text))
    }
}
