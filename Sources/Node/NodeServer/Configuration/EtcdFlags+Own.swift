// SPDX-License-Identifier: Apache-2.0
internal import Program

extension EtcdFlags {
    /// Flags for members in pods. Their variables begin with KEELSON_.
    static let own: [FlagRow] = [
        own(
            "ticket-dir",
            "Start by the ticket in the file DIR/$POD_NAME, and wait for one; see operations."),
        own(
            "admin-token-file",
            "File with the token that POST /ticket on the metrics URLs asks for."),
        own(
            "termination-log", "File that gets the reason for every exit but 0, as a line of JSON."),
    ]
}
