// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import EtcdAPI

@Suite struct WireTests {
    static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    // MARK: Literal vectors

    @Test func `a put is written field by field, defaults left out`() throws {
        let put = PutRequest(key: Self.text("a"), value: Self.text("b"), lease: 300, prevKV: true)
        let bytes: [UInt8] = [0x0a, 1, 0x61, 0x12, 1, 0x62, 0x18, 0xac, 0x02, 0x20, 1]
        #expect(put.encoded() == bytes)
        #expect(try PutRequest(decoding: bytes) == put)
        #expect(PutRequest().encoded().isEmpty)
    }

    @Test func `negative numbers take ten bytes`() throws {
        let range = RangeRequest(limit: -1)
        let bytes: [UInt8] = [0x18] + [UInt8](repeating: 0xff, count: 9) + [1]
        #expect(range.encoded() == bytes)
        #expect(try RangeRequest(decoding: bytes) == range)
    }

    @Test func `a transaction nests its operations`() throws {
        let compare = Compare(
            result: .equal, target: .version, key: Self.text("k"), targetUnion: .version(0))
        let inner = TxnRequest(failure: [.range(RangeRequest(key: Self.text("x")))])
        let txn = TxnRequest(
            compare: [compare], success: [.put(PutRequest(key: Self.text("k"))), .txn(inner)])
        let bytes: [UInt8] = [
            // The default inside a oneof is written: it says which alternative is held.
            0x0a, 5, 0x1a, 1, 0x6b, 0x20, 0,
            0x12, 5, 0x12, 3, 0x0a, 1, 0x6b,
            0x12, 9, 0x22, 7, 0x1a, 5, 0x0a, 3, 0x0a, 1, 0x78,
        ]
        #expect(txn.encoded() == bytes)
        #expect(try TxnRequest(decoding: bytes) == txn)
    }

    @Test func `an empty message inside a oneof is two bytes`() throws {
        let request = WatchRequest.progress(WatchProgressRequest())
        #expect(request.encoded() == [0x1a, 0])
        #expect(try WatchRequest(decoding: [0x1a, 0]) == request)
        #expect(try WatchRequest(decoding: []) == WatchRequest.none)
    }

    @Test func `a second api request writes its defaults`() throws {
        var request = V2Request()
        request.id = 1
        request.method = "PUT"
        request.path = "/0/version"
        request.val = "3.5.0"
        let expected =
            [0x08, 1, 0x12, 3] + Self.text("PUT") + [0x1a, 10] + Self.text("/0/version")
            + [0x22, 5] + Self.text("3.5.0")
            + [0x28, 0, 0x32, 0, 0x38, 0, 0x48, 0, 0x50, 0, 0x58, 0, 0x60, 0, 0x68, 0]
            + [0x70, 0, 0x78, 0, 0x80, 1, 0]
        #expect(request.encoded() == expected)
        #expect(try V2Request(decoding: expected) == request)
    }

    @Test(arguments: ["PUT", "POST", "DELETE", "QGET", "SYNC"])
    func `a second api request never reads as a raft request`(_ method: String) {
        var request = V2Request()
        request.id = 0x0102_0304_0506
        request.method = method
        request.path = method == "SYNC" ? "" : "/0/members/8e9e05c52164694d/attributes"
        request.val = "{\"name\":\"m1\",\"clientURLs\":[\"http://127.0.0.1:2379\"]}"
        #expect(throws: WireError.self) {
            try InternalRaftRequest(decoding: request.encoded())
        }
    }

    @Test func `a raft request holds one command`() throws {
        let request = InternalRaftRequest(
            id: 7, command: .clusterVersionSet(ClusterVersionSetRequest(ver: "3.6.0")),
            header: RequestHeader(id: 9))
        let bytes: [UInt8] =
            [0x08, 7, 0xa2, 0x06, 2, 0x08, 9, 0xa2, 0x51, 7, 0x0a, 5] + Self.text("3.6.0")
        #expect(request.encoded() == bytes)
        #expect(try InternalRaftRequest(decoding: bytes) == request)
    }

    @Test func `the header door writes what the message does`() {
        let header = ResponseHeader(clusterID: 300, memberID: 1, revision: -1, raftTerm: 0)
        var writer = ByteWriter()
        header.append(as: 1, to: &writer)
        var response = PutResponse()
        response.header = header
        #expect(writer.bytes == response.encoded())
    }

    // MARK: What the decoder forgives

    @Test func `unknown fields are skipped and disorder is read`() throws {
        // 15: varint, 16: fixed 64, 17: bytes, 18: fixed 32; then value before key.
        let unknown: [UInt8] =
            [0x78, 0x96, 1, 0x81, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0x8a, 1, 2, 9, 9, 0x95, 1, 1, 2, 3, 4]
        let bytes = unknown + [0x12, 1, 0x62] + unknown + [0x0a, 1, 0x61] + unknown
        let put = PutRequest(key: Self.text("a"), value: Self.text("b"))
        #expect(try PutRequest(decoding: bytes) == put)
    }

    @Test func `the last of two values counts, sub-messages merge`() throws {
        #expect(try PutRequest(decoding: [0x18, 1, 0x18, 2]).lease == 2)
        let bytes: [UInt8] = [0x0a, 2, 0x08, 1, 0x0a, 2, 0x10, 2]
        let header = try PutResponse(decoding: bytes).header
        #expect(header == ResponseHeader(clusterID: 1, memberID: 2))
    }

    @Test func `filters are read packed and one by one`() throws {
        #expect(
            try WatchCreateRequest(decoding: [0x28, 1, 0x28, 0]).filters == [.noDelete, .noPut])
        #expect(
            try WatchCreateRequest(decoding: [0x2a, 2, 1, 5]).filters == [.noDelete, .unknown(5)])
        #expect(WatchCreateRequest(filters: [.noPut, .noDelete]).encoded() == [0x2a, 2, 0, 1])
    }

    @Test func `unknown enum numbers survive`() throws {
        let range = try RangeRequest(decoding: [0x28, 9])
        #expect(range.sortOrder == .unknown(9))
        #expect(range.encoded() == [0x28, 9])
        #expect(RangeRequest.SortOrder.descend.name == "DESCEND")
        #expect(RangeRequest.SortOrder(name: "ASCEND") == .ascend)
        #expect(RangeRequest.SortOrder.unknown(9).name == nil)
        #expect(RangeRequest.SortOrder.unknown(-1).name == nil)
    }

    // MARK: What it refuses

    @Test func `foreign wire types, groups, bad tags and bad text are refused`() {
        let refusals: [(bytes: [UInt8], error: WireError)] = [
            ([0x08, 1], .wrongWireType(field: 1, wire: 0, offset: 1)),
            ([0x1a, 0], .wrongWireType(field: 3, wire: 2, offset: 1)),
            ([0x7b, 0x7c], .malformed(offset: 1)),
            ([0x00], .malformed(offset: 1)),
            ([0x0a, 5, 1], .malformed(offset: 2)),
            ([0x18], .malformed(offset: 1)),
            ([0x18] + [UInt8](repeating: 0xff, count: 11), .malformed(offset: 11)),
        ]
        for (bytes, error) in refusals {
            #expect(throws: error) { try PutRequest(decoding: bytes) }
        }
        #expect(throws: WireError.notUTF8(field: 2, offset: 2)) {
            try Member(decoding: [0x12, 1, 0xff])
        }
    }

    @Test func `etcd 3.7.1: nesting has a floor`() throws {
        func nest(_ floors: Int) -> TxnRequest {
            (0..<floors).reduce(TxnRequest()) { inner, _ in TxnRequest(success: [.txn(inner)]) }
        }
        // Two message levels for each transaction: the operation and what it holds.
        let deepest = nest(Decoder.maxDepth / 2)
        #expect(try TxnRequest(decoding: deepest.encoded()) == deepest)
        #expect(throws: WireError.self) {
            try TxnRequest(decoding: nest(Decoder.maxDepth / 2 + 1).encoded())
        }
    }
}
