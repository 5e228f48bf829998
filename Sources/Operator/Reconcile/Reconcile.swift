// SPDX-License-Identifier: Apache-2.0
package import Bytes

// From what was observed to at most one step. Pure: the shell looks, this decides, the shell acts.
//
//   Observation ──► Survey (members joined by ID) ──► StatusReport ──► status, conditions
//                        │
//                        ├─► Children          services, tickets, stateful set …
//                        ├─► Certificates/     what is due; how an authority is replaced
//                        ├─► Operations/       the recorded operation goes on
//                        └─► Pick              nothing recorded: the first trigger that applies
//                                   │
//                                   ▼
//                    Plan: status to write first, at most one step, events, next look
//
// The order that everything rests on. A plan's status is written before its step, with the
// resourceVersion of the observed cluster object; if that write fails, the step is not taken. So
// the intent is durable before the effect, a second operator cannot act on an old view, and a
// restart at any instruction repeats a step that repeats harmlessly.
//
// What is never done here: nothing on Unknown; no second membership change while one is recorded;
// no voter but by promotion; no claim deleted while its member may be in the list; nothing
// destructive below quorum without the recorded approval.
//
// Time is the wall clock, in nanoseconds since 1970: records outlive the process.

/// The door of the room.
package enum Reconciler {
    /// What to do now. The same observation and time give the same plan.
    package static func plan(_ observation: Observation, now: Instant) -> Plan {
        var pass = Pass(observation, now: now)
        return pass.run()
    }
}
