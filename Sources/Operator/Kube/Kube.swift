// SPDX-License-Identifier: Apache-2.0

// Kubernetes objects, requests and answers, as values; our own resources.
