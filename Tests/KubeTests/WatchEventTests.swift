// SPDX-License-Identifier: Apache-2.0
import Formats
import Testing

@testable import Kube

@Suite struct WatchEventTests {
    private func pod(_ version: String) -> KubeObject {
        var pod = KubeObject(.pod, namespace: "ns", name: "p")
        pod.resourceVersion = version
        return pod
    }

    @Test func `events survive a round, cut anywhere`() {
        let events: [WatchEvent] = [
            .added(pod("1")), .modified(pod("2")),
            .bookmark(resourceVersion: "7", initialEventsEnd: false), .deleted(pod("8")),
            .bookmark(resourceVersion: "9", initialEventsEnd: true), .error(.expired("gone")),
        ]
        let bytes = events.flatMap { $0.line(.pod) }
        for size in [1, 2, 3, 7, 64, bytes.count] {
            var decoder = WatchDecoder()
            var received: [WatchEvent] = []
            var index = 0
            while index < bytes.count {
                received += decoder.receive(bytes[index..<min(index + size, bytes.count)])
                index += size
            }
            #expect(received == events)
        }
    }

    @Test func `what is no event ends the watch`() {
        for text in ["{\"type\":\"MOVED\",\"object\":{}}\n", "nonsense\n", "[]\n"] {
            var decoder = WatchDecoder()
            let events = decoder.receive(Array((text + text).utf8))
            #expect(events.count == 1)
            guard case .error = events.first else {
                Issue.record("no error for \(text)")
                return
            }
            #expect(decoder.receive(pod("1").uid.utf8).isEmpty)
            #expect(decoder.receive(WatchEvent.added(pod("1")).line(.pod)).isEmpty)
        }
    }

    @Test func `a line is bounded`() {
        var decoder = WatchDecoder()
        let chunk = [UInt8](repeating: 0x61, count: 1 << 20)
        var events: [WatchEvent] = []
        for _ in 0..<9 { events += decoder.receive(chunk) }
        #expect(events.count == 1)
    }
}
