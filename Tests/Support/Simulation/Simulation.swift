// SPDX-License-Identifier: Apache-2.0
package import Bytes

// A whole cluster in one thread, with simulated time, network, disks and clients, from one seed.
//
//   Workload ──► Node ─┐                  ┌─► Truth: what each answer, event, expiry must be
//   (clients,    Node ─┼─► outputs ─► ────┤
//    watchers)   Node ─┘                  └─► SimNetwork, SimulatedDisk ─► inputs, later
//        ▲                                               ▲
//   World: time, the order of everything                 │
//   Nemesis: crashes, pauses, partitions, disks, membership ┘
//
// The members are the real ones: NodeCore, Raft, Replicated, MVCC, and Storage over a simulated
// disk. What the server's threads do (write the log, publish checkpoints, carry snapshots, recover)
// is done here by `SimMember`, in simulated time.
//
// A run has two acts. In the storm the nemesis does its work. Then all is healed, and the cluster
// must become live: every member takes a write, all come to the same state, leases end, watchers
// have had every event.
//
// Determinism: nothing here reads a clock, the environment, or the order of a Dictionary or a Set;
// `Trace` proves it.

/// Why a run failed.
package struct SimulationFailure: Equatable, Sendable {
    package enum Kind: String, Sendable {
        case linearizability, durability, agreement, election, watch, lease, liveness, recovery
    }

    package var kind: Kind
    package var reason: String
    package var at: Instant
}

package struct SeedReport: Sendable {
    package var seed: UInt64
    package var failure: SimulationFailure?
    package var traceHash: UInt32
    package var eventCount: Int
    package var operationCount: Int
    package var simulated: Duration
    /// How often what happened; for judging whether a seed tests anything.
    package var counters: SortedMap<String, Int>
}

/// What a run is asked to do.
package struct RunOptions: Sendable {
    /// A short run with little load, for the test suite.
    package var isSmoke = false
    package var plant: Plant?
    /// Gets a line for each thing that happens.
    package var sink: (@Sendable (String) -> Void)?

    package init(
        isSmoke: Bool = false, plant: Plant? = nil, sink: (@Sendable (String) -> Void)? = nil
    ) {
        self.isSmoke = isSmoke
        self.plant = plant
        self.sink = sink
    }
}
