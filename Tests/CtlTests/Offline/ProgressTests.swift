// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@testable import Ctl

struct ProgressTests {
    private final class Scene {
        var now = Instant(nanoseconds: 0)
        var written = ""

        func progress(_ total: Int64?, _ style: Progress.Style) -> Progress {
            Progress(
                "saving", total: total, style: style, now: { self.now },
                write: { self.written += $0 })
        }

        func pass(_ milliseconds: Int64) {
            now = now + .milliseconds(milliseconds)
        }
    }

    @Test func `a bar with share, rate and time left, gone at the end`() {
        let scene = Scene()
        let progress = scene.progress(10_000_000, .bar)
        scene.pass(1_000)
        progress.update(2_500_000)
        #expect(
            scene.written
                == "\r\u{1b}[Ksaving [======                  ] 25% (2.5 MB of 10 MB), "
                + "2.5 MB/s, 3s left")
        scene.written = ""
        progress.finish(10_000_000)
        #expect(scene.written == "\r\u{1b}[K")
    }

    @Test func `a bar is drawn a few times a second at most`() {
        let scene = Scene()
        let progress = scene.progress(1_000, .bar)
        for step in 1...1_000 {
            scene.pass(1)
            progress.update(Int64(step))
        }
        #expect(scene.written.split(separator: "\r").count == 5)
    }

    @Test func `lines come every few seconds, none for what is over sooner`() {
        let scene = Scene()
        let progress = scene.progress(100_000, .lines)
        scene.pass(2_900)
        progress.update(50_000)
        #expect(scene.written.isEmpty)
        progress.finish(100_000)
        #expect(scene.written.isEmpty)
        scene.pass(100)
        progress.update(60_000)
        #expect(scene.written == "saving: 60% (60 kB of 100 kB), 20 kB/s, 2s left\n")
        scene.written = ""
        scene.pass(2_000)
        progress.update(90_000)
        #expect(scene.written.isEmpty)
        progress.finish(100_000)
        #expect(scene.written == "saving: 100 kB, done in 5s\n")
    }

    @Test func `without a total there is no share and no end`() {
        let scene = Scene()
        let progress = scene.progress(nil, .lines)
        scene.pass(4_000)
        progress.update(8_000)
        #expect(scene.written == "saving: 8.0 kB, 2.0 kB/s\n")
    }

    @Test func `quiet means nothing, and odd numbers do no harm`() {
        let scene = Scene()
        let quiet = scene.progress(10, .none)
        scene.pass(10_000)
        quiet.update(5)
        quiet.finish(10)
        #expect(scene.written.isEmpty)
        let odd = scene.progress(10, .bar)
        for done in [Int64.max, -5, 0, .min] {
            scene.pass(1_000)
            odd.update(done)
        }
        scene.pass(200_000_000)
        odd.update(3)
        #expect(!scene.written.isEmpty)
    }

    @Test func `what is counted has its name`() {
        let scene = Scene()
        let progress = Progress(
            "copying", total: 4_000, unit: .things("keys"), style: .lines, now: { scene.now },
            write: { scene.written += $0 })
        scene.pass(3_000)
        progress.update(1_500)
        #expect(scene.written == "copying: 37% (1500 of 4000 keys), 500/s, 5s left\n")
        scene.written = ""
        progress.finish(4_000)
        #expect(scene.written == "copying: 4000 keys, done in 3s\n")
    }
}
