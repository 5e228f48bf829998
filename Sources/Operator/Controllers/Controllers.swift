// SPDX-License-Identifier: Apache-2.0

// List and watch, cache, work queue, back-off and leader election, without their hands.
