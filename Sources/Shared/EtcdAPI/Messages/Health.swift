// SPDX-License-Identifier: Apache-2.0

package struct HealthCheckRequest: WireMessage {
    package var service = ""

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "service", &service)
    }
}

package struct HealthCheckResponse: WireMessage {
    package enum ServingStatus: WireEnum {
        case unspecified, serving, notServing, serviceUnknown
        case unknown(Int32)

        package static let names: [StaticString] = [
            "UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN",
        ]

        package init(number: Int32) {
            switch number {
            case 0: self = .unspecified
            case 1: self = .serving
            case 2: self = .notServing
            case 3: self = .serviceUnknown
            default: self = .unknown(number)
            }
        }

        package var number: Int32 {
            switch self {
            case .unspecified: 0
            case .serving: 1
            case .notServing: 2
            case .serviceUnknown: 3
            case .unknown(let number): number
            }
        }
    }

    package var status: ServingStatus = .unspecified

    package init() {}

    package init(
        status: ServingStatus = .unspecified
    ) {
        self.status = status
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.enumeration(1, "status", &status)
    }
}

package struct HealthListRequest: WireMessage {
    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {}
}

package struct HealthListResponse: WireMessage {
    package var statuses: [HealthStatus] = []

    package init() {}

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.messages(1, "statuses", &statuses)
    }
}

/// One entry of the map in `HealthListResponse`.
package struct HealthStatus: WireMessage {
    package var key = ""
    package var value: HealthCheckResponse?

    package init() {}

    package init(key: String, value: HealthCheckResponse?) {
        self.key = key
        self.value = value
    }

    package mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.string(1, "key", &key)
        try visitor.message(2, "value", &value)
    }
}
