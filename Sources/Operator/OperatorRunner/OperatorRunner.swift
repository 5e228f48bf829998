// SPDX-License-Identifier: Apache-2.0

// Observes, does one step, writes status.
