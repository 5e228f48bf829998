// SPDX-License-Identifier: Apache-2.0
internal import Formats

/// Why a request of /v2/keys is refused.
package struct KeysError: Error, Equatable, Sendable {
    package enum Code: Int, Sendable {
        case keyNotFound = 100
        case testFailed = 101
        case notFile = 102
        case notDirectory = 104
        case nodeExists = 105
        case rootReadOnly = 107
        case directoryNotEmpty = 108
        case unauthorized = 110
        case previousValueRequired = 201
        case ttlNotANumber = 202
        case indexNotANumber = 203
        case invalidField = 209
        case invalidForm = 210
        case refreshValue = 211
        case refreshTTLRequired = 212
        case raftInternal = 300
        case indexCleared = 401
    }

    package var code: Code
    package var cause: String
    /// Of the store; 0 for what is wrong with the request alone.
    package var index: Int64

    package init(_ code: Code, _ cause: String, index: Int64 = 0) {
        self.code = code
        self.cause = cause
        self.index = index
    }

    package var answer: KeysAnswer {
        var members: [(String, JSONValue)] = [
            ("errorCode", .integer(Int64(code.rawValue))), ("message", .string(message)),
        ]
        if !cause.isEmpty { members.append(("cause", .string(cause))) }
        members.append(("index", .integer(index)))
        return KeysAnswer(
            status: status, body: JSON.text(.object(members)) + "\n", index: index,
            isSuccess: false)
    }

    private var status: Int {
        switch code {
        case .keyNotFound: 404
        case .notFile, .directoryNotEmpty: 403
        case .testFailed, .nodeExists: 412
        case .unauthorized: 401
        case .raftInternal: 500
        case .notDirectory, .rootReadOnly, .previousValueRequired, .ttlNotANumber,
            .indexNotANumber, .invalidField, .invalidForm, .refreshValue, .refreshTTLRequired,
            .indexCleared:
            400
        }
    }

    private var message: String {
        switch code {
        case .keyNotFound: "Key not found"
        case .testFailed: "Compare failed"
        case .notFile: "Not a file"
        case .notDirectory: "Not a directory"
        case .nodeExists: "Key already exists"
        case .rootReadOnly: "Root is read only"
        case .directoryNotEmpty: "Directory not empty"
        case .unauthorized: "The request requires user authentication"
        case .previousValueRequired: "PrevValue is Required in POST form"
        case .ttlNotANumber: "The given TTL in POST form is not a number"
        case .indexNotANumber: "The given index in POST form is not a number"
        case .invalidField: "Invalid field"
        case .invalidForm: "Invalid POST form"
        case .refreshValue: "Value provided on refresh"
        case .refreshTTLRequired: "A TTL must be provided on refresh"
        case .raftInternal: "Raft Internal Error"
        case .indexCleared: "The event in requested index is outdated and cleared"
        }
    }
}
