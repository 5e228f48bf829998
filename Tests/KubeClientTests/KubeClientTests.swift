// SPDX-License-Identifier: Apache-2.0
import Bytes
import Formats
import HTTP
import Kube
import Net
import Posix
import TestKit
import Testing

@testable import KubeClient

@Suite struct KubeClientTests {
    private let key = ObjectKey(.pod, namespace: "ns", name: "a")

    @Test func `requests go over one connection that is kept`() throws {
        let seen = Seen<String>()
        let api = try FakeAPI { request, line in
            seen.add("\(request.head.method) \(request.head.target)")
            #expect(request.head.headers.value(of: "user-agent") == "test/1")
            line.answer(request.head.method == "POST" ? pod("made") : pod("a"))
        }
        let client = try api.client()
        #expect(try client.get(key) == pod("a"))
        #expect(try client.create(pod("made"), as: .pod).name == "made")
        try client.delete(key)
        #expect(
            seen.all == [
                "GET /api/v1/namespaces/ns/pods/a", "POST /api/v1/namespaces/ns/pods",
                "DELETE /api/v1/namespaces/ns/pods/a",
            ])
        #expect(api.connectionCount == 1)
    }

    @Test func `refusals are thrown by the verbs and answered by send`() throws {
        let api = try FakeAPI { request, line in
            line.answer(
                .failure(request.head.method == "GET" ? .notFound(.pod, "a") : .conflict(.pod, "a"))
            )
        }
        let client = try api.client()
        #expect(try client.get(key) == nil)
        #expect(throws: KubeError.status(.conflict(.pod, "a"))) {
            try client.replace(pod("a"), as: .pod)
        }
        #expect(try client.send(.get(key)).code == 404)
    }

    @Test func `a list comes page by page`() throws {
        let api = try FakeAPI { request, line in
            let isLast = request.head.target.contains("continue=t")
            line.answer(
                .json(
                    KubeList(
                        items: [pod(isLast ? "b" : "a")], resourceVersion: "9",
                        continueToken: isLast ? "" : "t"
                    ).json(as: .pod)))
        }
        let list = try api.client().list(.pod, namespace: "ns", limit: 1)
        #expect(list.items.map(\.name) == ["a", "b"] && list.resourceVersion == "9")
    }

    @Test func `a kept connection that died is opened anew for what only reads`() throws {
        let api = try FakeAPI { request, line in
            if line.count == 2 { return line.hangUp() }
            line.answer(pod("a"))
        }
        let client = try api.client()
        #expect(try client.get(key) == pod("a"))
        #expect(try client.get(key) == pod("a"))
        #expect(api.connectionCount == 2)
        // Nobody can tell whether a write was done.
        #expect(throws: KubeError.self) { try client.replace(pod("a"), as: .pod) }
    }

    @Test func `a server that is too busy is asked again when it says`() throws {
        let seen = Seen<Int>()
        let api = try FakeAPI { _, line in
            if seen.add(1) == 1 {
                line.answer(.failure(.tooManyRequests("slow", retryAfter: 1)))
            } else {
                line.answer(pod("a"))
            }
        }
        let begun = MonotonicClock.now
        #expect(try api.client().get(key) == pod("a"))
        #expect(seen.all.count == 2 && MonotonicClock.now - begun >= .seconds(1))
    }

    @Test func `a silent server ends in a timeout, a missing one in no connection`() throws {
        let api = try FakeAPI { _, _ in }
        #expect(throws: KubeError.timedOut) {
            try api.client().send(.get(key), within: .milliseconds(100))
        }
        var cluster = KubeCluster(server: "http://127.0.0.1:\(try Ports.free())")
        let client = try KubeClient(
            KubeAccess(cluster: cluster), KubeClientSettings(userAgent: "t"))
        #expect {
            try client.send(.get(key))
        } throws: { error in
            guard case .unreachable? = error as? KubeError else { return false }
            return true
        }
        cluster.server = "ftp://x"
        #expect(throws: KubeError.self) {
            try KubeClient(KubeAccess(cluster: cluster), KubeClientSettings(userAgent: "t"))
        }
    }

    @Test(arguments: [
        ("https://h", true, "h", 443, ""), ("http://h:80/a/b/", false, "h", 80, "/a/b"),
        ("https://[::1]:6443", true, "::1", 6443, ""), ("https://[::1]", true, "::1", 443, ""),
    ]) func `servers are URLs`(
        text: String, isSecure: Bool, host: String, port: Int, path: String
    ) throws {
        let url = try ServerURL(text)
        #expect(url.isSecure == isSecure && url.host == host && Int(url.port) == port)
        #expect(url.basePath == path)
    }

    @Test func `requests beyond the burst wait for their turn`() {
        var rate = RequestRate(perSecond: 10, burst: 3)
        let now = Instant(nanoseconds: 0)
        let times = (0..<5).map { _ in (rate.next(now: now) - now).nanoseconds / 1_000_000 }
        #expect(times == [0, 0, 0, 100, 200])
        let later = Instant(nanoseconds: 10_000_000_000)
        #expect(rate.next(now: later) == later)
    }

    // MARK: Watches

    @Test func `a watch tells its events until its end`() throws {
        let api = try FakeAPI { request, line in
            #expect(request.head.target.contains("watch=true&resourceVersion=4"))
            line.beginWatch()
            line.tell(.added(pod("a", 5)))
            line.tell(.bookmark(resourceVersion: "9", initialEventsEnd: false))
            line.endWatch()
        }
        var events: [WatchEvent] = []
        var starts = 0
        try api.client().watch(
            .watch(.pod, from: "4"), started: { starts += 1 },
            each: {
                events.append($0)
                return true
            })
        #expect(starts == 1)
        #expect(
            events == [
                .added(pod("a", 5)), .bookmark(resourceVersion: "9", initialEventsEnd: false),
            ])
    }

    @Test func `a watch that is refused throws, one that is cut short breaks`() throws {
        let api = try FakeAPI { request, line in
            if request.head.target.contains("resourceVersion=1&") {
                return line.answer(.failure(.tooOld(1, current: 9)))
            }
            line.beginWatch()
            line.tell(.added(pod("a")))
            line.hangUp()
        }
        let client = try api.client()
        #expect {
            try client.watch(.watch(.pod, from: "1")) { _ in true }
        } throws: { error in
            (error as? KubeError)?.status?.isExpired == true
        }
        #expect {
            try client.watch(.watch(.pod, from: "2")) { _ in true }
        } throws: { error in
            guard case .broken? = error as? KubeError else { return false }
            return true
        }
    }

    @Test func `a watch ends when its taker has enough`() throws {
        let api = try FakeAPI { _, line in
            line.beginWatch()
            for version in 1...5 { line.tell(.added(pod("a", version))) }
        }
        var count = 0
        try api.client().watch(.watch(.pod, from: "0")) { _ in
            count += 1
            return count < 3
        }
        #expect(count == 3)
    }

    @Test func `a watch is stopped from another thread`() throws {
        let begun = Seen<Int>()
        let api = try FakeAPI { _, line in
            line.beginWatch()
            begun.add(1)
        }
        let stop = KubeStop()
        let ended = Seen<KubeError>()
        let settings = KubeClientSettings(userAgent: "t")
        let access = KubeAccess(cluster: KubeCluster(server: api.server))
        let thread = try Thread(name: "watch") {
            do throws(KubeError) {
                let client = try KubeClient(access, settings, stop: stop)
                try client.watch(.watch(.pod, from: "0")) { _ in true }
            } catch {
                ended.add(error)
            }
        }
        try eventually("the watch has begun") { begun.all.count == 1 }
        stop.stop()
        thread.join()
        #expect(ended.all == [.stopped])
    }
}
