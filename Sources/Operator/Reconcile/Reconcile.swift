// SPDX-License-Identifier: Apache-2.0

// From what was observed to at most one step.
