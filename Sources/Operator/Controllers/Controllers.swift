// SPDX-License-Identifier: Apache-2.0

// List and watch, cache, work queue, back-off and leader election, without their hands.
//
//      API ──list, watch──► ListWatch ──► ObjectCache ──► OwnerIndex
//                                             │ changes
//                                             ▼
//      worker ◄──next── WorkQueue ◄──add── keys of clusters
//         │ writes ──► OwnWrites: no pass while the cache is older than them
//         └ events ──► EventFolding: one object for what is said again and again
//
//   LeaderElection   one of several operators writes; the others wait
//   Backoff          how long to wait after failures
//
// Each is a value that is told what happened and what time it is, and says what to do next. The
// shell asks the API, sleeps and locks. Times are of the monotonic clock unless a name says wall.
