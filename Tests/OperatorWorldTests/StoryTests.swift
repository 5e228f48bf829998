// SPDX-License-Identifier: Apache-2.0
import DataDriven
import OperatorWorld
import Testing

@Suite struct StoryTests {
    /// `make golden` rewrites them; then read the diff.
    @Test(arguments: GoldenFile.all()) func `golden stories`(path: String) throws {
        let story = Story()
        let difference = try GoldenFile.play(path) { block in
            story.play(block.command, block.arguments)
        }
        #expect(difference == nil, "\(difference ?? "")")
    }

    /// Every twenty-ninth write here; keelson-opsim kills after each.
    @Test(arguments: Courses.names)
    func `an operator that dies after a write ends where one ends that does not`(
        name: String
    ) {
        var writes = 0
        #expect(Courses.run(name, killAfter: nil, writes: &writes) == nil)
        #expect(writes > 20)
        for write in stride(from: 1, through: writes, by: 29) {
            var ignored = 0
            let failure = Courses.run(name, killAfter: write, writes: &ignored)
            #expect(failure == nil, "\(name), killed after write \(write): \(failure ?? "")")
        }
    }
}
