// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Net
internal import Posix

/// Many watchers on one prefix. An operation is one event that reached one watcher; its latency is
/// the time since the put of that event was sent, which the value carries.
internal final class WatchFanOut: LinkHandler {
    private static let prefix = Array("watched/".utf8)
    private static let tick: Duration = .milliseconds(5)

    private let stage: Stage
    private let options: Options
    private let putter: Putter
    private var body: Body
    private let valueOffset: Int
    private var random: Random
    private var putLink: Link?
    /// By slot, which counts streams.
    private var streams: [UInt32?]
    private var wanted: [Int]
    private var created = 0
    private var lost = 0
    private var delivered = 0
    private var issued = 0
    private var isIssuing = true
    private var due = 0.0
    private var meter: Meter
    private var assembler = Assembler()

    internal init(_ stage: Stage) {
        self.stage = stage
        options = stage.options
        random = Random(seed: options.seed)
        let value = random.bytes(options.valueByteCount)
        let key = Requests.key(WatchFanOut.prefix)
        body = Body(Requests.put(key, value), numberedAfter: WatchFanOut.prefix)
        valueOffset = body.offset(of: value) ?? 0
        streams = Array(repeating: nil, count: options.streams)
        let (share, rest) = options.watchers.quotientAndRemainder(dividingBy: options.streams)
        wanted = (0..<options.streams).map { share + ($0 < rest ? 1 : 0) }
        meter = Meter(options.processes)
        putter = Putter()
    }

    internal func run() throws(BenchError) -> Report {
        let count = min(options.connections, options.streams)
        let links = try stage.open(count, self)
        for slot in 0..<options.streams { create(links[slot % count], Int32(slot)) }
        for link in links { link.flush() }
        let areAll = try stage.run(within: 30) { [self] in created == options.watchers }
        if !areAll { throw .failed("\(created) of \(options.watchers) watchers were created") }

        putLink = try stage.open(1, putter).first
        if options.rate > 0 {
            stage.reactor.every(WatchFanOut.tick) { [self] in putAtRate() }
        } else {
            putMore()
            putLink?.flush()
        }
        try stage.run(seconds: options.warmUp)
        meter.begin()
        let errorsBefore = putter.errors + lost
        try stage.run(seconds: options.seconds)
        meter.end()
        meter.errors = putter.errors + lost - errorsBefore
        isIssuing = false
        _ = try stage.run(within: 10) { [self] in delivered >= issued * options.watchers }
        var report = meter.report(options)
        report.add("watchers", Double(options.watchers))
        report.add("rate", Double(options.rate))
        report.add("undelivered", Double(issued * options.watchers - delivered))
        return report
    }

    /// Asks for the watchers of a stream, as far as the window lets us.
    private func create(_ link: Link, _ slot: Int32) {
        let request = Body(Requests.watch(WatchFanOut.prefix)).bytes
        while wanted[Int(slot)] > 0 {
            if let stream = streams[Int(slot)] {
                if !link.send(request, on: stream) { return }
            } else {
                streams[Int(slot)] = link.openStream(.watch, request, slot: slot)
                if streams[Int(slot)] == nil { return }
            }
            wanted[Int(slot)] -= 1
        }
    }

    private func putAtRate() {
        if !isIssuing { return }
        due += Double(options.rate) * Double(WatchFanOut.tick.nanoseconds) / 1e9
        while due >= 1 {
            due -= 1
            put()
        }
        putLink?.flush()
    }

    /// So many puts are on their way as are allowed, until all watchers have seen them.
    private func putMore() {
        while isIssuing, issued * options.watchers < delivered + options.inFlight * options.watchers
        {
            if !put() { return }
        }
    }

    @discardableResult
    private func put() -> Bool {
        body.number(random.below(options.keyCount))
        let now = UInt64(bitPattern: MonotonicClock.now.nanoseconds)
        for index in 0..<8 {
            body.overwrite(
                at: valueOffset + index, UInt8(truncatingIfNeeded: now >> UInt64(8 * index)))
        }
        guard putLink?.request(.put, body.bytes, slot: 0) == true else { return false }
        issued += 1
        return true
    }

    internal func received(_ link: Link, _ slot: Int32, _ data: UnsafeRawBufferPointer) {
        let now = MonotonicClock.now.nanoseconds
        unsafe assembler.feed(slot, data) { [self] message in
            unsafe take(message, now)
        }
        if options.rate == 0, putLink != nil {
            let before = issued
            putMore()
            if issued > before { putLink?.flush() }
        }
    }

    private func take(_ message: UnsafeRawBufferPointer, _ now: Int64) {
        var fields = unsafe Fields(message)
        while fields.next() {
            switch fields.field {
            case 3 where fields.value != 0: created += 1
            case 4 where fields.value != 0: lost += 1
            case 11: unsafe takeEvent(fields.body, now)
            default: break
            }
        }
    }

    private func takeEvent(_ event: UnsafeRawBufferPointer, _ now: Int64) {
        delivered += 1
        if !meter.isRunning { return }
        meter.operations += 1
        var fields = unsafe Fields(event)
        while fields.next() {
            if fields.field != 2 { continue }
            var parts = unsafe Fields(fields.body)
            while parts.next() {
                if unsafe parts.field != 5 || parts.body.count < 8 { continue }
                let sent = unsafe parts.body.loadUnaligned(as: UInt64.self)
                meter.latencies.record(now - Int64(bitPattern: UInt64(littleEndian: sent)))
            }
        }
    }

    internal func finished(_ link: Link, _ slot: Int32, _ status: Int32) {
        lost += 1
    }

    internal func mayGoOn(_ link: Link, _ slot: Int32) {
        create(link, slot)
    }
}

/// Sends puts whose answers nobody waits for.
internal final class Putter: LinkHandler {
    internal private(set) var errors = 0

    internal func received(_ link: Link, _ slot: Int32, _ data: UnsafeRawBufferPointer) {}

    internal func finished(_ link: Link, _ slot: Int32, _ status: Int32) {
        if status != 0 { errors += 1 }
    }

    internal func mayGoOn(_ link: Link, _ slot: Int32) {}
}
