// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import Reconcile

/// Recreations count within a window that begins with the first of them.
@Suite struct RecreateWindowTests {
    private let now = RecordTests.now

    /// demo-0 crashes; its pod was recreated so often, first so many minutes ago.
    private func pass(_ recreates: Int, minutes: Int, window: String? = nil) -> Pass {
        let since = KubeTime.seconds((now + .seconds(minutes * -60)).nanoseconds)
        let cluster = RecordTests.cluster { cluster in
            if let window { cluster["spec", "repair"] = ["recreateWindow": .string(window)] }
            cluster["status"] = [
                "clusterID": "abc",
                "members": [
                    [
                        "name": "demo-0", "memberID": "1", "recreates": .integer(Int64(recreates)),
                        "recreatesSince": .string(since),
                    ]
                ],
            ]
        }
        var seen = Observation(cluster: cluster)
        var pod = KubeObject(.pod, namespace: "ns", name: "demo-0")
        pod.uid = "p"
        pod["status"] = [
            "phase": "Running",
            "containerStatuses": [
                [
                    "name": "etcd", "restartCount": 6,
                    "state": ["waiting": ["reason": "CrashLoopBackOff"]],
                    "lastState": ["terminated": ["exitCode": 1]],
                ]
            ],
        ]
        var claim = KubeObject(.persistentVolumeClaim, namespace: "ns", name: "data-demo-0")
        claim.uid = "c"
        seen.pods = [pod]
        seen.claims = [claim]
        return Pass(seen, now: now)
    }

    private func member(_ pass: Pass) throws -> MemberView { try #require(pass.survey.member(0)) }

    @Test(arguments: [
        (2, 10, "1h", false), (3, 10, "1h", true), (3, 59, "1h", true), (3, 61, "1h", false),
        (3, 61, "2h", true), (9, 200, "2h", false),
    ])
    func `beyond recreation is who was recreated too often within the window`(
        recreates: Int, minutes: Int, window: String, expected: Bool
    ) throws {
        let pass = pass(recreates, minutes: minutes, window: window)
        #expect(pass.isStuckBeyondRecreation(try member(pass)) == expected)
    }

    @Test func `the window is an hour where nothing else is said`() throws {
        let (inside, outside) = (pass(3, minutes: 59), pass(3, minutes: 61))
        #expect(inside.isStuckBeyondRecreation(try member(inside)))
        #expect(!outside.isStuckBeyondRecreation(try member(outside)))
    }

    private func line(_ pass: Pass) -> JSONValue? {
        StatusReport(pass).json()["members"]?[0]
    }

    @Test func `the first recreation after a window begins the next`() {
        var late = pass(3, minutes: 61)
        #expect(line(late)?["recreates"] == nil)
        late.recreated = "demo-0"
        #expect(line(late)?["recreates"]?.int64 == 1)
        #expect(line(late)?["recreatesSince"]?.string == KubeTime.seconds(now.nanoseconds))
        var soon = pass(2, minutes: 10)
        soon.recreated = "demo-0"
        #expect(line(soon)?["recreates"]?.int64 == 3)
        let begin = KubeTime.seconds((now + .seconds(-600)).nanoseconds)
        #expect(line(soon)?["recreatesSince"]?.string == begin)
    }
}
