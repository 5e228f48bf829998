// SPDX-License-Identifier: Apache-2.0
internal import SandboxRunner
internal import Testing

@Suite struct PathRewriterTests {
    private let paths = PathRewriter([
        (path: "/data", real: "/r/1"), (path: "/data/wal", real: "/r/2"),
        (path: "/etc/tls", real: "/r/3"),
    ])

    @Test(arguments: [
        ("/data", "/r/1"), ("--dir=/data", "--dir=/r/1"), ("/data/x/y", "/r/1/x/y"),
        ("/data/wal/0", "/r/2/0"), ("/database", "/database"), ("/data2", "/data2"),
        ("http://host/data", "http://host/data"), ("/etc/tls/ca.crt:/data", "/r/3/ca.crt:/r/1"),
        ("cat /data/a > /data/b; ls '/data'", "cat /r/1/a > /r/1/b; ls '/r/1'"), ("", ""),
        ("x/data", "x/data"), ("//data", "//data"),
    ])
    func `a path is replaced where it stands alone`(text: String, expected: String) {
        #expect(paths.rewrite(text) == expected)
    }
}

@Suite struct VariablesTests {
    @Test(arguments: [
        ("$(NAME)", "demo-0"), ("--name=$(NAME).$(NS)", "--name=demo-0.ns"),
        ("$(NONE)", "$(NONE)"), ("$$(NAME)", "$(NAME)"), ("$NAME", "$NAME"), ("a$", "a$"),
        ("$(NAME", "$(NAME"),
    ])
    func `variables are expanded as Kubernetes does`(text: String, expected: String) {
        let known = ["NAME": "demo-0", "NS": "ns"]
        #expect(Variables.expand(text) { known[$0] } == expected)
    }
}

@Suite struct WildcardAddressTests {
    @Test(arguments: [
        ("--listen=http://0.0.0.0:1,https://[::]:2", "--listen=http://127.9.0.1:1,https://127.9.0.1:2"),
        ("--metrics-listen=:8080", "--metrics-listen=127.9.0.1:8080"),
        ("--x=10.0.0.0:1", "--x=10.0.0.0:1"), ("--x=:", "--x=:"), ("--x=:a", "--x=:a"),
        (":8080", ":8080"), ("--x", "--x"), ("--x=", "--x="),
    ])
    func `all addresses mean the pod's own`(text: String, expected: String) {
        #expect(WildcardAddress(address: "127.9.0.1").rewrite(text) == expected)
    }
}

@Suite struct SandboxCommandTests {
    @Test func `a run needs its folder and its kubeconfig`() throws {
        let command = try SandboxCommand.read([
            "run", "--dir=/d", "--kubeconfig", "/k", "--pod-network", "7",
        ])
        guard case .run(let options) = command else {
            Issue.record("\(command)")
            return
        }
        #expect(options.folder == "/d")
        #expect(options.kubeconfig == "/k")
        #expect(options.network == 7)
        for words in [
            ["run"], ["run", "--dir", "/d"], ["run", "--dir", "/d", "--kubeconfig", "/k", "x"],
            ["run", "--dir", "/d", "--kubeconfig", "/k", "--what"], [], ["fly", "--dir", "/d"],
            ["kill", "x", "--dir", "/d"], ["cut", "pod/x", "--dir", "/d"],
        ] {
            #expect(throws: PlanError.self) { try SandboxCommand.read(words) }
        }
    }

    @Test func `an order names its object and its namespace`() throws {
        let command = try SandboxCommand.read(["wipe", "claim/data-0", "-n", "a", "--dir", "/d"])
        #expect(command == .order(line: "wipe claim/data-0 a", folder: "/d"))
        #expect(try SandboxCommand.read(["run", "--help"]) == .help)
    }
}
