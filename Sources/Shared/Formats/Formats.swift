// SPDX-License-Identifier: Apache-2.0

// The formats that people and files use: JSON, YAML, base64, timestamps, durations, sizes.
//
//   JSONValue    one value for what JSON and YAML can say; objects keep the order of their keys
//   JSON         text ⇄ JSONValue, exact for all 64-bit integers, escapes as Go's encoding/json
//   YAML         text → JSONValue through libyaml's events
//   Base64       standard alphabet, padded
//   Timestamp    RFC 3339 in UTC from nanoseconds since 1970
//   GoDuration   "1m30s": how Go prints and reads durations
//   GoNumber     floating-point numbers as Go prints them
//   HumanSize    "1.2 MB": decimal units, as go-humanize prints them
//
// Everything is a function of its input. Readers never trap, take any bytes, and bound depth and
// size, so that text from strangers costs no more than its length.

/// Why a text is not what it should be. Lines and columns count from 1.
package struct FormatError: Error, Equatable, Sendable {
    package var line: Int
    package var column: Int
    package var reason: String

    package init(line: Int, column: Int, reason: String) {
        self.line = line
        self.column = column
        self.reason = reason
    }
}
