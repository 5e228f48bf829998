// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

/// Every room is built the same way: Swift 6 mode, unsafe code marked, no warning forgiven.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    // Debug builds and tests keep the run-time exclusivity checks.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// What the simulators run is optimized in debug builds, too: their seeds take a tenth of the time.
let quick: [SwiftSetting] = house + [.unsafeFlags(["-O"], .when(configuration: .debug))]
let simulated: Set = [
    "Bytes", "Formats", "HTTP", "EtcdAPI", "Raft", "Storage", "MVCC", "Replicated", "NodeCore",
    "Recovery", "Kube", "Controllers", "Reconcile", "SimulatedDisk", "Simulation", "OperatorWorld",
]

func room(_ name: String, in wing: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "\(wing)/\(name)",
        swiftSettings: simulated.contains(name) ? quick : house)
}

func door(_ name: String, at path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: house)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], golden: Bool = false) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)",
        exclude: golden ? ["Golden"] : [], swiftSettings: house)
}

let shared = "Sources/Shared"
let node = "Sources/Node"
let op = "Sources/Operator"
let sandbox = "Sources/Sandbox"
let tools = "Sources/Tools"
let support = "Tests/Support"

var targets: [Target] = [
    // Below all.
    .target(name: "CChecksum", path: "Sources/Shared/CChecksum"),

    // Floor 0.
    .target(
        name: "CLinux", path: "Sources/Shared/CLinux",
        linkerSettings: [.linkedLibrary("crypt")]),
    .systemLibrary(
        name: "COpenSSL", path: "Sources/Shared/COpenSSL", pkgConfig: "openssl",
        providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
        name: "CYAML", path: "Sources/Shared/CYAML", pkgConfig: "yaml-0.1",
        providers: [.apt(["libyaml-dev"])]),
    room("Bytes", in: shared, ["CChecksum"]),

    // Floor 1.
    room("Formats", in: shared, ["Bytes", "CYAML"]),
    room("HTTP", in: shared, ["Bytes"]),
    room("Raft", in: node, ["Bytes"]),
    room("Storage", in: node, ["Bytes"]),
    room("MVCC", in: node, ["Bytes"]),
    room("Posix", in: shared, ["Bytes", "CLinux", "COpenSSL"]),

    // Floor 2.
    room("EtcdAPI", in: shared, ["Bytes", "Formats"]),
    room("Program", in: shared, ["Bytes", "Formats"]),
    room("Net", in: shared, ["Bytes", "Posix", "CLinux", "COpenSSL"]),
    room("FileDisk", in: node, ["Bytes", "Storage", "Posix"]),
    room("Kube", in: op, ["Bytes", "Formats", "HTTP"]),

    // Floor 3.
    room("Replicated", in: node, ["Bytes", "MVCC", "EtcdAPI", "Formats"]),
    room("EtcdClient", in: shared, ["Bytes", "EtcdAPI", "HTTP", "Net", "Posix"]),

    room("Controllers", in: op, ["Bytes", "Formats", "Kube"]),
    room("KubeClient", in: op, ["Bytes", "Formats", "HTTP", "Kube", "Net", "Posix"]),
    room("V2Facade", in: node, ["Bytes", "EtcdAPI", "Formats"]),

    // Floor 4.
    room("NodeCore", in: node, ["Bytes", "Raft", "Replicated", "MVCC", "EtcdAPI", "Formats"]),
    room("Recovery", in: node, ["Bytes", "EtcdAPI", "Raft", "Storage", "Replicated"]),
    room(
        "Interchange", in: node,
        ["Bytes", "Formats", "EtcdAPI", "Raft", "Storage", "MVCC", "Replicated"]),

    room("Reconcile", in: op, ["Bytes", "Formats", "Kube", "Controllers"]),
    room(
        "SandboxAPI", in: sandbox, ["Bytes", "Formats", "HTTP", "MVCC", "Kube", "Controllers"]),

    // Floor 5.
    room(
        "NodeServer", in: node,
        [
            "Bytes", "Raft", "Replicated", "MVCC", "NodeCore", "Recovery", "EtcdAPI", "Storage",
            "FileDisk", "Net", "Posix", "HTTP", "Program", "Formats", "CLinux", "V2Facade",
            "Interchange",
        ]),
    room(
        "Ctl", in: tools,
        [
            "Bytes", "EtcdClient", "EtcdAPI", "Program", "Storage", "Formats", "Posix", "Net",
            "Interchange", "FileDisk",
        ]),
    room(
        "OperatorRunner", in: op,
        [
            "Bytes", "Formats", "Kube", "Controllers", "KubeClient", "Reconcile", "EtcdClient",
            "EtcdAPI", "Net", "Posix", "HTTP", "Program",
        ]),
    room(
        "SandboxRunner", in: sandbox,
        [
            "Bytes", "Formats", "HTTP", "MVCC", "Kube", "Controllers", "SandboxAPI", "Net",
            "Posix", "Program", "CLinux",
        ]),

    // Floor 6.
    door("keelson-node", at: "Sources/Node/Main", ["NodeServer"]),
    door("keelsonctl", at: "Sources/Tools/Main", ["Ctl"]),
    door("keelson-operator", at: "Sources/Operator/Main", ["OperatorRunner"]),
    door("keelson-sandbox", at: "Sources/Sandbox/Main", ["SandboxRunner"]),

    // Never shipped.
    room("DataDriven", in: support),
    room("TestKit", in: support, ["Bytes", "Posix", "COpenSSL"]),
    room("FakeEtcd", in: support, ["Bytes", "HTTP", "Net", "Posix", "TestKit"]),
    room("SimulatedDisk", in: support, ["Bytes", "Storage"]),
    room(
        "Simulation", in: support,
        [
            "Bytes", "Raft", "Storage", "MVCC", "Replicated", "NodeCore", "Recovery", "EtcdAPI",
            "Formats", "SimulatedDisk",
        ]
    ),
    room(
        "OperatorWorld", in: support, ["Bytes", "Formats", "Kube", "Controllers", "Reconcile"]),
    door(
        "keelson-opsim", at: "Tests/OperatorSimulator", ["OperatorWorld", "Bytes"]),
    door(
        "keelson-sim", at: "Tests/Simulator",
        [
            "Simulation", "Bytes", "HTTP", "EtcdAPI", "Raft", "Storage", "Formats", "Program",
            "Posix",
        ]),
    door(
        "keelson-bench", at: "Benchmarks/keelson-bench",
        ["EtcdAPI", "HTTP", "Net", "Posix", "Bytes", "CLinux"]),
    tests("HouseTests", []),
    tests("BytesTests", ["Bytes"]),
    tests("FormatsTests", ["Formats", "Bytes"]),
    tests("ProgramTests", ["Program", "Formats", "Bytes"]),
    tests("HTTPTests", ["HTTP", "Bytes", "DataDriven"]),
    tests("RaftTests", ["Raft", "Bytes", "DataDriven"], golden: true),
    tests("StorageTests", ["Storage", "Bytes", "SimulatedDisk"]),
    tests("MVCCTests", ["MVCC", "Bytes", "DataDriven"]),
    tests("EtcdAPITests", ["EtcdAPI", "Bytes", "Formats"], golden: true),
    tests("PosixTests", ["Posix", "Bytes", "TestKit"]),
    tests("NetTests", ["Net", "Posix", "Bytes", "TestKit"]),
    tests("ReplicatedTests", ["Replicated", "MVCC", "EtcdAPI", "Bytes"]),
    tests("V2FacadeTests", ["V2Facade", "EtcdAPI"]),
    tests("NodeCoreTests", ["NodeCore", "Replicated", "MVCC", "Raft", "EtcdAPI", "Bytes"]),
    tests(
        "RecoveryTests",
        ["Recovery", "Storage", "SimulatedDisk", "Replicated", "Raft", "EtcdAPI", "Bytes"]),
    tests(
        "NodeServerTests",
        [
            "NodeServer", "NodeCore", "Program", "EtcdAPI", "Formats", "HTTP", "Net", "Bytes",
            "Posix", "Raft", "Replicated", "Storage", "SimulatedDisk", "TestKit",
        ]),
    tests(
        "EtcdClientTests",
        ["EtcdClient", "EtcdAPI", "HTTP", "Net", "Posix", "Bytes", "TestKit", "FakeEtcd"]),
    tests(
        "CtlTests",
        ["Ctl", "EtcdAPI", "HTTP", "Formats", "Storage", "Bytes", "TestKit", "FakeEtcd"]),
    tests(
        "InterchangeTests",
        [
            "Interchange", "Recovery", "Storage", "SimulatedDisk", "Replicated", "Raft", "MVCC",
            "EtcdAPI", "Formats", "Posix", "Bytes",
        ]),
    tests("KubeTests", ["Kube", "Formats", "HTTP", "Bytes"], golden: true),
    tests("ControllersTests", ["Controllers", "Kube", "Formats", "Bytes"]),
    tests(
        "KubeClientTests",
        ["KubeClient", "Kube", "Formats", "HTTP", "Net", "Posix", "Bytes", "TestKit"]),
    tests(
        "ReconcileTests", ["Reconcile", "Controllers", "Kube", "Formats", "Bytes", "DataDriven"]),
    tests("SandboxAPITests", ["SandboxAPI", "Kube", "MVCC", "Formats", "HTTP", "Bytes"]),
    tests(
        "SandboxRunnerTests",
        ["SandboxRunner", "SandboxAPI", "Kube", "Formats", "HTTP", "Posix", "Bytes", "TestKit"]),
    tests(
        "OperatorRunnerTests",
        [
            "OperatorRunner", "Reconcile", "Controllers", "Kube", "KubeClient", "Formats", "HTTP",
            "Net", "Posix", "Program", "Bytes", "TestKit",
        ]),
    tests("OperatorWorldTests", ["OperatorWorld", "DataDriven"], golden: true),
    tests("SimulationTests", ["Simulation", "NodeCore", "Raft", "EtcdAPI", "Bytes"]),
    tests(
        "EndToEndTests",
        ["TestKit", "EtcdClient", "EtcdAPI", "Formats", "Net", "Posix", "Bytes"]),
]

// A room under construction is built alone: KEELSON_ROOMS names the targets to keep, comma-separated.
if let wanted = Context.environment["KEELSON_ROOMS"] {
    let names = Set(wanted.split(separator: ",").map(String.init)).union(["CChecksum"])
    targets.removeAll { !names.contains($0.name) }
}

let package = Package(name: "keelson", targets: targets)
