// SPDX-License-Identifier: Apache-2.0

// A stand-in for the Kubernetes API, on our own multi-version store.
//
//   KubeRequest ──► Access (RBAC) ──► Route ──► verbs ──► ObjectStore ──► MVCC.Keyspace
//                                                 │             │ changes
//                                       patches, schemas        ├──► watches ──► lines of JSON
//                                       admission, defaults     └──► takeChanges (controllers)
//
// resourceVersion is the store's revision, a watch is its history, 410 Gone is its compaction.
// What is not done is refused with 501 or 422 and a clear text, never with a polite 200.
// The room knows no clock, socket or process: time comes in, answers and watch lines go out; logs
// and commands inside pods are handed to whoever runs the pods.
