// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import V2Facade

@Suite struct FormTests {
    @Test(arguments: [
        ("GET", "/a?wait=x", KeysError.Code.invalidField),
        ("GET", "/a?waitIndex=x", .indexNotANumber),
        ("PUT", "/a?wait=true", .invalidField), ("PUT", "/a?prevValue=", .previousValueRequired),
        ("PUT", "/a?ttl=x", .ttlNotANumber), ("PUT", "/a?prevExist=", .invalidField),
        ("PUT", "/a?refresh=true", .refreshTTLRequired), ("PUT", "/a?b=%zz", .invalidForm),
        ("PUT", "/a?refresh=true&ttl=1&value=2", .refreshValue),
        ("PUT", "/a?prevIndex=18446744073709551616", .indexNotANumber),
    ])
    func `bad fields are refused`(_ method: String, _ path: String, _ code: KeysError.Code) {
        do throws(KeysError) {
            _ = try NaiveStore.request(method, path)
            Issue.record("\(path) was taken")
        } catch {
            #expect(error.code == code)
            #expect(error.index == 0)
        }
    }

    /// etcd knows more codes, but says them nowhere.
    @Test func `every answer of the keys API has etcd's words and status`() {
        let words: [Int: (status: Int, text: String)] = [
            100: (404, "Key not found"), 101: (412, "Compare failed"), 102: (403, "Not a file"),
            104: (400, "Not a directory"), 105: (412, "Key already exists"),
            107: (400, "Root is read only"), 108: (403, "Directory not empty"),
            110: (401, "The request requires user authentication"),
            201: (400, "PrevValue is Required in POST form"),
            202: (400, "The given TTL in POST form is not a number"),
            203: (400, "The given index in POST form is not a number"),
            209: (400, "Invalid field"), 210: (400, "Invalid POST form"),
            211: (400, "Value provided on refresh"),
            212: (400, "A TTL must be provided on refresh"), 300: (500, "Raft Internal Error"),
            401: (400, "The event in requested index is outdated and cleared"),
        ]
        for number in 0...1000 {
            let code = KeysError.Code(rawValue: number)
            #expect((code == nil) == (words[number] == nil), "\(number)")
            guard let code, let expected = words[number] else { continue }
            let answer = KeysError(code, "why", index: 7).answer
            #expect(answer.status == expected.status, "\(number)")
            #expect(
                answer.body == "{\"errorCode\":\(number),\"message\":\"\(expected.text)\","
                    + "\"cause\":\"why\",\"index\":7}\n")
        }
    }

    @Test func `fields of the body come before those of the query`() throws {
        let request = try NaiveStore.request("PUT", "/a?value=1&dir=true", "value=2")
        #expect(request.value == "2")
        #expect(request.isDirectory)
    }

    @Test func `paths are cleaned, and their hidden parts are known`() {
        #expect(NodePath.clean("") == "/")
        #expect(NodePath.clean("//a/./b/../c/") == "/a/c")
        #expect(NodePath.clean("/../..") == "/")
        #expect(NodePath.chain("/a/b") == ["/", "/a", "/a/b"])
        #expect(NodePath.parent("/a/b") == "/a")
        #expect(NodePath.parent("/a") == "/")
        #expect(NodePath.isHidden("/a/_b/c", from: "/a"))
        #expect(!NodePath.isHidden("/a/_b/c", from: "/a/_b"))
        #expect(!NodePath.isHidden("/a_b", from: "/"))
        #expect(NodePath.isBelow("/a/b", "/a") && !NodePath.isBelow("/ab", "/a"))
    }

    @Test func `a record comes back from its bytes, and any bytes are safe`() {
        var record = NodeRecord()
        record.isDirectory = true
        record.inheritsLease = true
        record.action = .compareAndSwap
        record.created = .max
        record.modified = 1
        record.expiration = -1
        record.value = "ü"
        #expect(NodeRecord(record.bytes) == record)
        for length in 0..<record.bytes.count - 2 {
            #expect(NodeRecord(Array(record.bytes.prefix(length))) == nil || length >= 27)
        }
        var state: UInt64 = 42
        for _ in 0..<2_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let bytes = (0..<Int(state % 40)).map { UInt8(truncatingIfNeeded: state >> ($0 % 57)) }
            if let read = NodeRecord(bytes) { #expect(NodeRecord(read.bytes) == read) }
            if let mark = DeletionMark(bytes) { #expect(DeletionMark(mark.bytes) == mark) }
        }
    }

    @Test func `times beyond all leases are bounded`() throws {
        let request = try NaiveStore.request("PUT", "/a", "value=1&ttl=18446744073709551615")
        #expect(request.ttl?.seconds == 9_000_000_000)
        #expect(request.ttl?.expiration == .max || (request.ttl?.expiration ?? 0) > moment.now)
    }
}
