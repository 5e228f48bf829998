// SPDX-License-Identifier: Apache-2.0

// Sends the requests of Kube to an API server.
