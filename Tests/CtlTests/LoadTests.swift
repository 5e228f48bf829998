// SPDX-License-Identifier: Apache-2.0
import EtcdAPI
import FakeEtcd
import HTTP
import Testing

@testable import Ctl

struct LoadTests {
    /// Answers everything; a range is empty.
    private func willing(_ puts: Seen<Bool>) throws -> FakeServer {
        try FakeServer { event, connection in
            guard case .message(let id, let bytes) = event else { return }
            if bytes.count > 1000 { puts.add(true) }
            connection.server.reply(id, RangeResponse().encoded())
        }
    }

    private func check(_ server: FakeServer, _ more: [String] = []) -> CtlRun {
        CtlRun(
            ["--endpoints", server.endpoint, "check", "perf", "--duration", "300ms", "--quiet"]
                + more)
    }

    @Test
    func `a quick server passes, at the rate that was asked for`() throws {
        let puts = Seen<Bool>()
        let server = try willing(puts)
        let run = check(server)
        let lines = run.output.split(separator: "\n").map(String.init)
        #expect(run.code == 0 && run.errors.isEmpty, "\(run)")
        #expect(lines.count == 4 && lines.last == "PASS", "\(lines)")
        #expect(lines[0].hasPrefix("PASS: Throughput is "))
        #expect(lines[1].hasPrefix("PASS: Slowest request took 0."))
        #expect(lines[2].hasPrefix("PASS: Stddev is 0."))
        #expect((30...60).contains(puts.all.count), "\(puts.all.count)")
    }

    @Test
    func `refused writes are counted by their text`() throws {
        let server = try FakeServer { event, connection in
            guard case .message(let id, let bytes) = event else { return }
            if bytes.count > 1000 {
                connection.server.finish(id, code: 8, message: EtcdError.noSpace.text)
            } else {
                connection.server.reply(id, RangeResponse().encoded())
            }
        }
        let run = check(server)
        #expect(run.code == 1 && run.output.hasPrefix("FAIL: too many errors\n"))
        #expect(run.output.contains("FAIL: ERROR(\(EtcdError.noSpace.text)) -> "))
        #expect(run.output.hasSuffix("FAIL\n"))
    }

    @Test
    func `a prefix with keys is left alone`() throws {
        let puts = Seen<Bool>()
        let server = try FakeServer { event, connection in
            guard case .message(let id, _) = event else { return }
            puts.add(true)
            connection.server.reply(
                id, RangeResponse.with { $0.kvs = [KeyValue(key: [1])] }.encoded())
        }
        let run = check(server, ["--prefix=mine"])
        #expect(run.code == 3 && run.errors.contains("del --prefix mine'"))
        #expect(puts.all.count == 1)
    }

    @Test
    func `numbers of a report`() {
        var report = LoadReport()
        for milliseconds in [100, 200, 300] { report.add(.milliseconds(milliseconds)) }
        report.total = .seconds(2)
        #expect(report.count == 3 && report.rate == 1.5 && report.slowest == 0.3)
        #expect(Decimals.text(report.deviation, 6) == "0.081650")
        #expect(Decimals.text(0, 6) == "0.000000" && Decimals.text(12.5, 2) == "12.50")
        #expect(Decimals.text(-0.25, 1) == "-0.2" && Decimals.text(3, 0) == "3")
        report.fail("a")
        report.fail("b")
        report.fail("a")
        #expect(report.failures.map(\.text) == ["a", "b"] && report.failureCount == 3)
    }

    @Test
    func `a number of a server is read from its metrics`() {
        let text = "# TYPE a gauge\na_b 5\na 1.5e+07\n"
        #expect(ServerMetric.value(of: "a", in: text) == 1.5e7)
        #expect(ServerMetric.value(of: "b", in: text) == nil)
    }
}
