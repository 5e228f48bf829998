// SPDX-License-Identifier: Apache-2.0
import Formats
import Foundation
import Testing

@testable import EtcdAPI

/// Lines of Golden/json.tsv: a message's name, its bytes, its JSON. Protobuf's own library wrote
/// them (Golden/make_json_golden.py).
@Suite struct JSONGoldenTests {
    struct Row {
        let name: String
        let bytes: [UInt8]
        let json: String
    }

    static func rows() throws -> [Row] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/json.tsv")
        let text = try String(contentsOf: path, encoding: .utf8)
        return text.split(separator: "\n").map { line in
            let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
            return Row(
                name: String(cells[0]), bytes: bytes(ofHex: cells[1]), json: String(cells[2]))
        }
    }

    private static func bytes(ofHex text: Substring) -> [UInt8] {
        let digits = text.utf8.map { UInt8($0 > 0x60 ? $0 - 0x57 : $0 - 0x30) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Swift's name of a message of the tables.
    private static let types: [String: any WireMessage.Type] = {
        let renamed = ["Event": "WatchEvent"]
        var types = Dictionary(
            everyMessage.map { ("\($0)", $0) }, uniquingKeysWith: { first, _ in first })
        for (name, ours) in renamed { types[name] = types[ours] }
        return types
    }()

    private static func type(of row: Row) -> (any WireMessage.Type)? {
        types[String(row.name.split(separator: ".").last ?? "")]
    }

    @Test func `messages print as protobuf's own library prints them`() throws {
        var names: Set<String> = []
        for row in try Self.rows() {
            guard let type = Self.type(of: row) else { continue }
            names.insert(row.name)
            try Self.expectPrint(type, row)
        }
        print("printed \(names.count) kinds of messages")
        #expect(names.count >= 110)
    }

    private static func expectPrint<M: WireMessage>(_ type: M.Type, _ row: Row) throws {
        let printed = try M(decoding: row.bytes).json()
        // Both as values: protobuf leaves U+2028 as it is, Go's writer does not.
        #expect(try JSON.parse(printed) == JSON.parse(row.json), "\(row.name) \(row.json)")
    }

    @Test func `messages are read from what protobuf's own library prints`() throws {
        for row in try Self.rows() {
            guard let type = Self.type(of: row) else { continue }
            try Self.expectRead(type, row)
        }
    }

    private static func expectRead<M: WireMessage>(_ type: M.Type, _ row: Row) throws {
        let read = try M(jsonText: Array(row.json.utf8))
        #expect(read == (try M(decoding: row.bytes)), "\(row.name) \(row.json)")
    }

    /// The golden lines hold protobuf's names; clients may send the others, too.
    @Test func `messages are read with names in camel case`() throws {
        for row in try Self.rows() {
            guard let type = Self.type(of: row) else { continue }
            let camel = JSON.bytes(Self.renamed(try JSON.parse(row.json)))
            try Self.expectRead(
                type,
                Row(name: row.name, bytes: row.bytes, json: String(decoding: camel, as: UTF8.self)))
        }
    }

    private static func renamed(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): .array(elements.map(renamed))
        case .object(let object):
            .object(
                object.members.map { member in
                    (JSONReader.camelCase(member.key), renamed(member.value))
                })
        default: value
        }
    }

    @Test func `every message of random content is read as it was printed`() throws {
        for (index, type) in everyMessage.enumerated() {
            for round in 0..<20 { try Self.roundTrip(type, seed: UInt64(index * 1000 + round)) }
        }
    }

    private static func roundTrip<M: WireMessage>(_ type: M.Type, seed: UInt64) throws {
        let message: M = RandomFiller.message(seed: seed)
        #expect(try M(jsonText: message.json()) == message, "\(type) of seed \(seed)")
    }
}
