// SPDX-License-Identifier: Apache-2.0
import EtcdAPI
import Foundation
import Testing

/// The errors of the contract, as they go over the wire.
@Suite struct ContractTests {
    struct Row: CustomStringConvertible {
        var name: String
        var code: Int
        var text: String

        var description: String { name }
    }

    /// Name, code on the wire and text; see `Tests/ParityTests/facts`.
    private static func rows() throws -> [Row] {
        let table = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("ParityTests/facts/errors.tsv")
        let lines = try String(contentsOf: table, encoding: .utf8).split(separator: "\n")
        return lines.dropFirst().compactMap { line in
            let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard cells.count == 3, let code = Int(cells[1]) else { return nil }
            return Row(name: String(cells[0]), code: code, text: String(cells[2]))
        }
    }

    @Test func `each error of the contract has its text and its code`() throws {
        let rows = try Self.rows()
        #expect(rows.count > 70)
        // The client's library knows these by other codes; the rows of the wire are named quirk.
        let wire = Set(rows.filter { $0.name.hasPrefix("quirk:") }.map(\.text))
        var seen: Set<EtcdError> = []
        for row in rows where !wire.contains(row.text) || row.name.hasPrefix("quirk:") {
            let error = EtcdError(text: row.text)
            #expect(error?.code == row.code, "\(row)")
            if let error { seen.insert(error) }
        }
        #expect(seen.count > 65)
    }

    @Test func `each code of gRPC has the contract's status of HTTP`() {
        let statuses = [
            200, 408, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
        ]
        #expect((0...16).map(GatewayStatus.http) == statuses)
    }
}
