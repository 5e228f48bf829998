// SPDX-License-Identifier: Apache-2.0

// A stand-in for the Kubernetes API, on our own store.
