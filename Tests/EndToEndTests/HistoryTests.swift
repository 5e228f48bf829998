// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Testing

/// The judge is judged: each kind of lie is planted and must be found.
struct HistoryTests {
    private func operation(
        _ kind: Operation.Kind, _ value: String, _ start: Int64, _ end: Int64,
        _ outcome: Operation.Outcome
    ) -> Operation {
        Operation(
            kind: kind, key: "key-1", value: value, start: Instant(nanoseconds: start),
            end: Instant(nanoseconds: end), outcome: outcome)
    }

    private let truth = Truth([
        Change(revision: 2, key: "key-1", value: "a"),
        Change(revision: 3, key: "key-1", value: "b"),
        Change(revision: 4, key: "key-1", value: "c"),
    ])

    private var honest: [Operation] {
        [
            operation(.put, "a", 0, 10, .wrote(revision: 2)),
            operation(.compareAndPut(modRevision: 2), "b", 20, 30, .wrote(revision: 3)),
            operation(.put, "c", 40, 50, .unknown),
            operation(
                .get, "", 60, 70, .read(revision: 4, found: .init(modRevision: 4, value: "c"))),
            operation(.put, "never", 60, 65, .unknown),
        ]
    }

    private func complaint(_ change: (inout [Operation]) -> Void) -> String {
        var operations = honest
        change(&operations)
        return HistoryCheck.complaints(of: operations, truth).first ?? "none"
    }

    @Test func `an honest history has no complaints`() {
        #expect(HistoryCheck.complaints(of: honest, truth).isEmpty)
    }

    @Test func `a lost write is found`() {
        #expect(complaint { $0[4].outcome = .wrote(revision: 5) }.hasPrefix("lost"))
        #expect(complaint { $0[0].value = "other" }.hasPrefix("lost"))
    }

    @Test func `a stale read is found`() {
        let old = Operation.Outcome.read(revision: 3, found: .init(modRevision: 3, value: "b"))
        #expect(
            complaint {
                $0[1].end = Instant(nanoseconds: 30)
                $0[3].outcome = old
            } == "none")
        #expect(
            complaint {
                $0[2].outcome = .wrote(revision: 4)
                $0[3].outcome = old
            }.contains("began after revision 4"))
    }

    @Test func `a read of what is not there is found`() {
        let wrong = Operation.Outcome.read(revision: 4, found: .init(modRevision: 3, value: "b"))
        #expect(complaint { $0[3].outcome = wrong }.contains("does not see"))
        #expect(
            complaint { $0[3].outcome = .read(revision: 4, found: nil) }.contains("does not see"))
    }

    @Test func `a comparison that should have failed is found`() {
        #expect(
            complaint { $0[1].kind = .compareAndPut(modRevision: 1) }.contains("was changed at 2"))
    }

    @Test func `a write that took effect before it began is found`() {
        #expect(complaint { $0[2].start = Instant(nanoseconds: 80) }.contains("began after"))
    }

    @Test func `what nobody wrote, or twice, is found`() {
        let twice = Truth(truth.changes + [Change(revision: 5, key: "key-1", value: "c")])
        #expect(
            HistoryCheck.complaints(of: honest, twice).contains { $0.hasPrefix("written twice") })
        #expect(complaint { $0[2].value = "d" }.hasPrefix("nobody wrote"))
        let gap = Truth(truth.changes + [Change(revision: 6, key: "other", value: "c")])
        #expect(HistoryCheck.complaints(of: honest, gap).contains("revision 6 follows 4"))
    }
}
