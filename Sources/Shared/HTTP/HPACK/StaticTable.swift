// SPDX-License-Identifier: Apache-2.0

/// RFC 7541, appendix A. Index 1 is the first.
enum StaticTable {
    static let count = 61

    /// `index` is 1...61.
    static func field(_ index: Int) -> HeaderField { fields[index - 1] }

    /// The index of the whole field where one exists and is worth asking for, else 0.
    static func exactIndex(_ field: HeaderField) -> Int {
        switch field.kind {
        case .method: field.value == "POST" ? 3 : field.value == "GET" ? 2 : 0
        case .scheme: field.value == "http" ? 6 : field.value == "https" ? 7 : 0
        case .path: field.value == "/" ? 4 : field.value == "/index.html" ? 5 : 0
        case .status: statuses[field.value] ?? 0
        default: 0
        }
    }

    /// The first index with this name, else 0.
    static func nameIndex(_ name: String) -> Int { names[name] ?? 0 }

    private static let statuses = [
        "200": 8, "204": 9, "206": 10, "304": 11, "400": 12, "404": 13, "500": 14,
    ]

    private static let names: [String: Int] = {
        var names: [String: Int] = [:]
        for (offset, field) in fields.enumerated() where names[field.name] == nil {
            names[field.name] = offset + 1
        }
        return names
    }()

    private static let fields: [HeaderField] = [
        HeaderField(":authority", ""),
        HeaderField(":method", "GET"),
        HeaderField(":method", "POST"),
        HeaderField(":path", "/"),
        HeaderField(":path", "/index.html"),
        HeaderField(":scheme", "http"),
        HeaderField(":scheme", "https"),
        HeaderField(":status", "200"),
        HeaderField(":status", "204"),
        HeaderField(":status", "206"),
        HeaderField(":status", "304"),
        HeaderField(":status", "400"),
        HeaderField(":status", "404"),
        HeaderField(":status", "500"),
        HeaderField("accept-charset", ""),
        HeaderField("accept-encoding", "gzip, deflate"),
        HeaderField("accept-language", ""),
        HeaderField("accept-ranges", ""),
        HeaderField("accept", ""),
        HeaderField("access-control-allow-origin", ""),
        HeaderField("age", ""),
        HeaderField("allow", ""),
        HeaderField("authorization", ""),
        HeaderField("cache-control", ""),
        HeaderField("content-disposition", ""),
        HeaderField("content-encoding", ""),
        HeaderField("content-language", ""),
        HeaderField("content-length", ""),
        HeaderField("content-location", ""),
        HeaderField("content-range", ""),
        HeaderField("content-type", ""),
        HeaderField("cookie", ""),
        HeaderField("date", ""),
        HeaderField("etag", ""),
        HeaderField("expect", ""),
        HeaderField("expires", ""),
        HeaderField("from", ""),
        HeaderField("host", ""),
        HeaderField("if-match", ""),
        HeaderField("if-modified-since", ""),
        HeaderField("if-none-match", ""),
        HeaderField("if-range", ""),
        HeaderField("if-unmodified-since", ""),
        HeaderField("last-modified", ""),
        HeaderField("link", ""),
        HeaderField("location", ""),
        HeaderField("max-forwards", ""),
        HeaderField("proxy-authenticate", ""),
        HeaderField("proxy-authorization", ""),
        HeaderField("range", ""),
        HeaderField("referer", ""),
        HeaderField("refresh", ""),
        HeaderField("retry-after", ""),
        HeaderField("server", ""),
        HeaderField("set-cookie", ""),
        HeaderField("strict-transport-security", ""),
        HeaderField("transfer-encoding", ""),
        HeaderField("user-agent", ""),
        HeaderField("vary", ""),
        HeaderField("via", ""),
        HeaderField("www-authenticate", ""),
    ]
}
