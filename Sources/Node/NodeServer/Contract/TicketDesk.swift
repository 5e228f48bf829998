// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import Formats
internal import Posix
internal import Program

/// Where tickets come in. Of those for one cluster the newest generation counts; otherwise what
/// came last does. The file is looked at again as soon as it is another one.
final class TicketDesk {
    let contract: NodeConfig.Contract
    private let logger: Logger
    private(set) var ticket: Ticket?
    /// Why the file is no ticket; empty when it is one, or is not there.
    private(set) var complaint = ""
    private var stamp: FileStamp?
    private var read: [UInt8] = []

    init(_ contract: NodeConfig.Contract, _ logger: Logger) {
        self.contract = contract
        self.logger = logger
    }

    private var path: String { "\(contract.ticketDirectory)/\(contract.podName)" }

    /// True if there is another ticket now. A file that goes away takes no ticket back.
    func look() -> Bool {
        let now = FileStamp(of: path)
        if now == stamp { return false }
        stamp = now
        guard now != nil else { return false }
        let text: [UInt8]
        do throws(PosixError) {
            text = try File(path, .read).readAll(limit: Ticket.byteCountMax)
        } catch {
            // Looked at again the next time: what is in the way may go without a change of the file.
            stamp = nil
            read = []
            if !error.isNotFound { complain("\(path) cannot be read: \(error)") }
            return false
        }
        guard text != read else { return false }
        read = text
        do throws(TicketError) {
            let found = try Ticket.read(text)
            complaint = ""
            return take(found)
        } catch {
            complain("\(path) is no ticket: \(error)")
            return false
        }
    }

    /// Once for each thing that is wrong.
    private func complain(_ text: String) {
        guard text != complaint else { return }
        complaint = text
        logger.warn("a ticket cannot be read", ["error": .string(text)])
    }

    /// False for one that is older than what is there.
    @discardableResult
    func take(_ new: Ticket) -> Bool {
        if let ticket, ticket.clusterUID == new.clusterUID, new.generation < ticket.generation {
            return false
        }
        if new == ticket { return false }
        ticket = new
        logger.info(
            "took a ticket",
            [
                "action": .string(new.action.rawValue), "cluster-uid": .string(new.clusterUID),
                "generation": .integer(new.generation),
            ])
        return true
    }

    func isOlder(_ new: Ticket) -> Bool {
        guard let ticket, ticket.clusterUID == new.clusterUID else { return false }
        return new.generation < ticket.generation
    }

    // MARK: Who may

    /// The file is read anew each time, for it may change. Nothing there means nobody may.
    func admits(_ authorization: String?) -> Bool {
        guard let path = contract.adminTokenFile,
            let bytes = try? File(path, .read).readAll(limit: 1 << 16)
        else { return false }
        var token = String(decoding: bytes, as: UTF8.self).drop(while: \.isWhitespace)
        while token.last?.isWhitespace == true { token.removeLast() }
        guard !token.isEmpty, let authorization else { return false }
        let words = authorization.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return false }
        return TicketDesk.isEqual(Array(words[1].utf8), Array(token.utf8))
    }

    /// In a time that does not tell where they differ.
    private static func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return zip(one, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
