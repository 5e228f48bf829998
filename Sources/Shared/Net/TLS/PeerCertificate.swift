// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL
package import Posix

/// Who the other side of a connection is, by a certificate that was verified.
package struct PeerCertificate: Equatable, Sendable {
    /// Empty if there is none.
    package var commonName: String
    package var dnsNames: [String]
    /// Four or sixteen bytes each.
    package var addresses: [[UInt8]]
    /// In hexadecimal digits, as `openssl x509 -serial` prints it.
    package var serialNumber: String

    package init(
        commonName: String = "", dnsNames: [String] = [], addresses: [[UInt8]] = [],
        serialNumber: String = ""
    ) {
        self.commonName = commonName
        self.dnsNames = dnsNames
        self.addresses = addresses
        self.serialNumber = serialNumber
    }

    internal init(_ certificate: OpaquePointer) {
        let name = unsafe X509_get_subject_name(certificate)
        commonName = unsafe PeerCertificate.lastEntry(of: name, NID_commonName)
        dnsNames = []
        addresses = []
        let serial = unsafe X509_get0_serialNumber(certificate)
        serialNumber = unsafe serial.map { unsafe PeerCertificate.hexadecimal($0) } ?? ""
        let names = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil)
        guard let list = unsafe names.map({ OpaquePointer($0) }) else { return }
        defer { unsafe GENERAL_NAMES_free(list) }
        let nameCount = unsafe keelson_name_count(list)
        for index in 0..<nameCount {
            var start: UnsafePointer<UInt8>?
            var count: Int32 = 0
            let type = unsafe keelson_name_at(list, index, &start, &count)
            let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: Int(max(0, count))))
            if type == GEN_DNS { dnsNames.append(String(decoding: bytes, as: UTF8.self)) }
            if type == GEN_IPADD, [4, 16].contains(bytes.count) { addresses.append(bytes) }
        }
    }

    private static func lastEntry(of name: OpaquePointer?, _ nid: Int32) -> String {
        var found: Int32 = -1
        while true {
            let next = unsafe X509_NAME_get_index_by_NID(name, nid, found)
            if next < 0 { break }
            found = next
        }
        guard found >= 0, let entry = unsafe X509_NAME_get_entry(name, found) else { return "" }
        var start: UnsafeMutablePointer<UInt8>?
        let count = unsafe ASN1_STRING_to_UTF8(&start, X509_NAME_ENTRY_get_data(entry))
        guard count >= 0, let text = unsafe start else { return "" }
        defer { unsafe CRYPTO_free(text, "", 0) }
        return unsafe String(
            decoding: UnsafeBufferPointer(start: text, count: Int(count)), as: UTF8.self)
    }

    internal static func hexadecimal(_ serial: UnsafePointer<ASN1_INTEGER>) -> String {
        guard let number = unsafe ASN1_INTEGER_to_BN(serial, nil) else { return "" }
        defer { unsafe BN_free(number) }
        guard let text = unsafe BN_bn2hex(number) else { return "" }
        defer { unsafe CRYPTO_free(text, "", 0) }
        return unsafe String(cString: text)
    }

    /// Neither address nor name: nothing to compare the caller's address with.
    package var isWithoutHosts: Bool { dnsNames.isEmpty && addresses.isEmpty }

    package func names(_ address: SocketAddress) -> Bool {
        addresses.contains { listed in
            switch address {
            case .v4(let host, _): listed == PeerCertificate.bytes(host)
            case .v6(let host, _, _): listed == host || isMapped(host, listed)
            case .unix: false
            }
        }
    }

    private static func bytes(_ host: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: host >> $0) }
    }

    /// An IPv4 address that came to a socket of IPv6.
    private func isMapped(_ host: [UInt8], _ listed: [UInt8]) -> Bool {
        host.count == 16 && host[..<10].allSatisfy { $0 == 0 } && host[10...11] == [0xff, 0xff]
            && Array(host[12...]) == listed
    }
}

extension PeerCertificate {
    internal static func digits(_ address: [UInt8]) -> String {
        if address.count == 4 { return address.map(String.init).joined(separator: ".") }
        return SocketAddress.v6(host: address, port: 0, scope: 0).host
    }
}
