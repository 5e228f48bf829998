// SPDX-License-Identifier: Apache-2.0

// Pods as processes of this machine.
