// SPDX-License-Identifier: Apache-2.0
internal import HTTP

/// What brings a call here and takes its answers away: a gRPC stream, or an exchange of the JSON
/// gateway. Told the end of each call exactly once, by `reply` or `finish`.
protocol CallCarrier: AnyObject {
    var client: ClientConnection { get }
    /// The answer of a unary call, with status OK.
    func reply(_ stream: StreamID, _ message: [UInt8])
    func send(_ stream: StreamID, _ message: [UInt8])
    /// Whether a message may be given piece by piece; else only whole ones are taken.
    var takesPieces: Bool { get }
    /// Begins a message that `sendPiece` goes on with.
    func send(_ stream: StreamID, byteCount: Int, beginning piece: [UInt8])
    func sendPiece(_ stream: StreamID, _ piece: [UInt8])
    func sendHead(_ stream: StreamID)
    func finish(_ stream: StreamID, code: Int, message: String)
    /// Sent, and not yet on its way to the client.
    func queuedBytes(_ stream: StreamID) -> Int
    /// The client may send no more messages than it may already; until `resumeInput`.
    func pauseInput(_ stream: StreamID)
    func resumeInput(_ stream: StreamID)
    /// So much waits for this client that it is answered no more, but for this.
    var isOverweight: Bool { get }
    /// So much is queued for this client that its endless calls must wait; they hear of the end.
    func crowds() -> Bool
}

extension CallCarrier {
    var takesPieces: Bool { false }
    func send(_ stream: StreamID, byteCount: Int, beginning piece: [UInt8]) {}
    func sendPiece(_ stream: StreamID, _ piece: [UInt8]) {}
    /// Without streams it is the connection that is not read while answers wait.
    func pauseInput(_ stream: StreamID) {}
    func resumeInput(_ stream: StreamID) {}
    var isOverweight: Bool {
        client.weight > client.port.settings.maxConnectionBytes
    }
    func crowds() -> Bool { false }
}
