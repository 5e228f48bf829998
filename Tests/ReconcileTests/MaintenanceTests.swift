// SPDX-License-Identifier: Apache-2.0
import Formats
import Kube
import Testing

@Suite struct MaintenanceTests {
    @Test func `windows open by their schedule and close after their duration`() {
        func isOpen(_ schedule: String, _ duration: String, _ time: String) -> Bool? {
            let maintenance = Maintenance.decode([
                "windows": [["schedule": .string(schedule), "duration": .string(duration)]]
            ])
            return KubeTime.parse(time).map { maintenance.isOpen(at: $0 / 1_000_000_000) }
        }
        // 2026-11-21 is a Saturday.
        #expect(isOpen("0 3 * * 6", "4h", "2026-11-21T02:59:59Z") == false)
        #expect(isOpen("0 3 * * 6", "4h", "2026-11-21T03:00:00Z") == true)
        #expect(isOpen("0 3 * * 6", "4h", "2026-11-21T06:59:59Z") == true)
        #expect(isOpen("0 3 * * 6", "4h", "2026-11-21T07:00:00Z") == false)
        #expect(isOpen("0 3 * * 6", "48h", "2026-11-22T20:00:00Z") == true)
        #expect(isOpen("nonsense", "4h", "2026-11-21T03:00:00Z") == false)
        #expect(Maintenance().isOpen(at: 0))
    }
}
