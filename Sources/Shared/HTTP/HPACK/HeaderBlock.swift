// SPDX-License-Identifier: Apache-2.0

/// A decoded header list and what RFC 9113, section 8 says of its shape.
struct HeaderBlock {
    var fields: [HeaderField] = []
    /// Larger than the receiver accepts; the fields are not all there.
    var isTooLarge = false
    private(set) var isRequest = false
    private(set) var isResponse = false
    private(set) var isTrailers = false
    /// As declared; -1 when absent.
    private(set) var contentLength = -1

    /// Finds out the shape. Done once per distinct block, not per request.
    mutating func classify() {
        var counts = [0, 0, 0, 0, 0, 0]
        var isSound = true
        var isPastPseudo = false
        for field in fields {
            if field.isMalformed { isSound = false }
            if field.kind.isPseudo {
                if isPastPseudo || field.kind == .unknownPseudo { isSound = false }
                counts[Int(field.kind.rawValue)] += 1
            } else {
                isPastPseudo = true
                if !takeRegular(field) { isSound = false }
            }
        }
        if !isSound { return }
        let (method, scheme, path) = (counts[0], counts[1], counts[2])
        let (authority, status) = (counts[3], counts[4])
        isTrailers = method + scheme + path + authority + status == 0
        isResponse = method + scheme + path + authority == 0 && status == 1
        isRequest =
            method == 1 && scheme == 1 && path == 1 && authority <= 1 && status == 0
            && fields.value(of: ":path") != ""
    }

    private mutating func takeRegular(_ field: HeaderField) -> Bool {
        switch field.kind {
        case .connectionSpecific: return false
        case .trailersAccepted: return field.value == "trailers"
        case .contentLength:
            guard let length = HTTP1Head.length(field.value) else { return false }
            if contentLength >= 0, contentLength != length { return false }
            contentLength = length
            return true
        default: return true
        }
    }
}
