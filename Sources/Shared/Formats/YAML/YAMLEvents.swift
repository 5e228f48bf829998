// SPDX-License-Identifier: Apache-2.0
internal import CYAML

/// What libyaml tells about a text, one thing at a time.
enum YAMLEvent: Equatable {
    case documentStart
    case documentEnd
    case streamEnd
    case alias
    case scalar(YAMLScalar)
    case sequenceStart
    case sequenceEnd
    case mappingStart
    case mappingEnd
}

struct YAMLScalar: Equatable {
    var text: String
    /// Written without quotes, so it may be a number or a word.
    var isPlain: Bool
    /// Empty if none was written.
    var tag: String
}

/// libyaml's parser over a text. It keeps pointers into itself and into the text, so both stay at
/// their place on the heap until this object goes.
@safe final class YAMLEvents {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeMutableBufferPointer<UInt8>
    private let isReady: Bool
    /// Where the last event began.
    private(set) var line = 1
    private(set) var column = 1

    init(_ bytes: [UInt8]) {
        // SAFETY: both allocations are freed in `deinit` only, and no pointer to them leaves.
        unsafe parser = UnsafeMutablePointer.allocate(capacity: 1)
        unsafe parser.initialize(to: yaml_parser_t())
        unsafe text = UnsafeMutableBufferPointer.allocate(capacity: max(1, bytes.count))
        unsafe text.initialize(repeating: 0)
        _ = unsafe text.update(fromContentsOf: bytes)
        isReady = unsafe yaml_parser_initialize(parser) == 1
        guard isReady else { return }
        unsafe yaml_parser_set_input_string(parser, text.baseAddress, bytes.count)
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        if isReady { unsafe yaml_parser_delete(parser) }
        unsafe parser.deinitialize(count: 1)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    /// The next event; after `.streamEnd` there is none.
    func next() throws(FormatError) -> YAMLEvent {
        guard isReady else { throw failure("no memory for the YAML parser") }
        while true {
            var event = unsafe yaml_event_t()
            guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw parserFailure() }
            defer { unsafe yaml_event_delete(&event) }
            line = unsafe Int(truncatingIfNeeded: event.start_mark.line) + 1
            column = unsafe Int(truncatingIfNeeded: event.start_mark.column) + 1
            if let event = unsafe Self.read(event) { return event }
        }
    }

    func failure(_ reason: String) -> FormatError {
        FormatError(line: line, column: column, reason: reason)
    }

    private func parserFailure() -> FormatError {
        // libyaml counts from zero; reader errors have no mark, only an offset.
        let mark = unsafe parser.pointee.problem_mark
        let problem = unsafe parser.pointee.problem
        let reason = unsafe problem.map { unsafe String(cString: $0) } ?? "not YAML"
        return FormatError(
            line: Int(truncatingIfNeeded: mark.line) + 1,
            column: Int(truncatingIfNeeded: mark.column) + 1, reason: reason)
    }

    private static func read(_ event: yaml_event_t) -> YAMLEvent? {
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT: .documentStart
        case YAML_DOCUMENT_END_EVENT: .documentEnd
        case YAML_STREAM_END_EVENT: .streamEnd
        case YAML_ALIAS_EVENT: .alias
        case YAML_SCALAR_EVENT: unsafe .scalar(scalar(event))
        case YAML_SEQUENCE_START_EVENT: .sequenceStart
        case YAML_SEQUENCE_END_EVENT: .sequenceEnd
        case YAML_MAPPING_START_EVENT: .mappingStart
        case YAML_MAPPING_END_EVENT: .mappingEnd
        default: nil
        }
    }

    private static func scalar(_ event: yaml_event_t) -> YAMLScalar {
        let scalar = unsafe event.data.scalar
        let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        let tag = unsafe scalar.tag.map { unsafe String(cString: $0) } ?? ""
        return unsafe YAMLScalar(
            text: String(decoding: bytes, as: UTF8.self),
            isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, tag: tag)
    }
}
