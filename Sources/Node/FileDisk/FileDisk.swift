// SPDX-License-Identifier: Apache-2.0

// The disk of the machine as `Storage.Disk`: each call is one system call of Posix, each failure a
// `DiskError` with its errno. For the member and for tools that read or make its files while it is
// down; tests have `SimulatedDisk` in its place.
//
//   Storage, Recovery ──Disk──► PosixDisk ──► Posix.File, Posix.Directory ──► kernel
//
// It holds no state, so every thread may make one of its own. It decides nothing: not when to sync,
// not what to do when a call fails.
