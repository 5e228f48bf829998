// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import Kube
import Testing

@testable import Controllers

@Suite struct EventFoldingTests {
    private func say(
        _ folding: inout EventFolding, _ message: String, _ second: Double
    ) -> EventFolding.Step {
        folding.fold(
            about: pod("demo", 4), isWarning: true, reason: "Lost", message: message,
            now: at(second), wall: Int64(second * 1e9))
    }

    @Test func `what is said again counts up`() {
        var folding = EventFolding(component: "op", instance: "op-0")
        guard case .create(let event) = say(&folding, "m", 1) else {
            Issue.record("no event")
            return
        }
        #expect(event.string("type") == "Warning" && event.int("count") == 1)
        #expect(event.string("involvedObject", "uid") == "u-demo")
        #expect(event.namespace == "ns")
        guard case .patch(let key, let body) = say(&folding, "m", 60) else {
            Issue.record("not folded")
            return
        }
        #expect(key == event.key && body["count"] == 2)
        #expect(body["lastTimestamp"] == "1970-01-01T00:01:00Z")
        guard case .create = say(&folding, "other", 61) else {
            Issue.record("folded with another")
            return
        }
        guard case .create = say(&folding, "m", 700) else {
            Issue.record("folded with an old one")
            return
        }
    }

    @Test func `an event that is gone is made anew`() {
        var folding = EventFolding(component: "op", instance: "op-0")
        guard case .create(let event) = say(&folding, "m", 1) else { return }
        folding.forget(event.key(as: .event))
        guard case .create = say(&folding, "m", 2) else {
            Issue.record("patched what is gone")
            return
        }
    }

    @Test func `who says too much is cut short`() {
        var folding = EventFolding(component: "op", instance: "op-0")
        let made = (0..<300).filter { say(&folding, "\($0)", 1) != .drop }.count
        #expect(made == EventFolding.burst)
        #expect(say(&folding, "later", 20) == .drop)
        #expect(say(&folding, "later", 31) != .drop)
    }
}
