// SPDX-License-Identifier: Apache-2.0
internal import Testing

// The shipped program as its users meet it: processes, sockets, disks and signals.
//
//   Harness/   Cluster and Member (processes with a folder each), Crew (threads with an end)
//   History/   what clients were told (Recorder), what members hold (Truth), whether they agree
//   Pods/      members started by tickets, and the jobs that run beside them
//   *Tests     one file per disaster
//
// Each test brings up members of its own and leaves nothing behind. They run one after the other,
// for they measure times on a machine they share. Nothing waits for a fixed time to pass except
// where passing time is the matter (a pause, a lease).

/// All of them, one after the other.
@Suite(.serialized) struct EndToEnd {}
