// SPDX-License-Identifier: Apache-2.0

/// What stands between the bytes of a connection and the bytes on the wire: the door for TLS. It
/// does no input or output itself; the connection moves the bytes and asks again whenever it has
/// brought some. Errors end the connection, after what `takeOutput` still holds (an alert) was sent.
package protocol TransportSession: AnyObject {
    /// Bytes that came from the wire.
    func receive(_ wire: UnsafeRawBufferPointer) throws(NetError)

    /// Moves plain bytes into the buffer and returns how many; 0 while there are none.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(NetError) -> Int

    /// Plain bytes to send; kept until output is taken, and while the handshake lasts.
    func write(_ plain: [UInt8])

    /// Plain bytes that wait.
    var pendingBytes: Int { get }

    /// Says goodbye, behind what waits.
    func endOutput()

    /// There is something for `takeOutput` to give.
    var hasOutput: Bool { get }

    /// Bytes for the wire, in order; nothing is given twice.
    func takeOutput() throws(NetError) -> [[UInt8]]

    /// Both sides do not know each other yet, and nothing will come from `read`.
    var isHandshaking: Bool { get }

    /// The handshake has stopped on its way, so that others can be served meanwhile.
    var isPaused: Bool { get }

    /// Ends the pause: the handshake is carried on as far as what has come allows. Nothing without
    /// one.
    func goOn() throws(NetError)

    /// The peer has said goodbye; nothing more will come from `read`.
    var isInputOver: Bool { get }
}

/// Of those that never pause.
extension TransportSession {
    package var isPaused: Bool { false }

    package func goOn() throws(NetError) {}
}
