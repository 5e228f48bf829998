// SPDX-License-Identifier: Apache-2.0
package import Program

// How a member is told what to do. Nothing here opens a file or reads the environment.
//
//   arguments, variables, file ──▶ NodeInvocation ──▶ NodeConfig, notices to log
//                                       │
//                                  EtcdFlags.table: every flag that etcd 2.3 to 3.7 had
//
// Precedence: with a configuration file (by flag or by ETCD_CONFIG_FILE) the file alone counts;
// otherwise flags go over variables, and variables over defaults.
//
// A flag whose function is missing is refused by name as soon as its value is not the default:
// nobody shall believe in protection that is not there.

/// The flags of an etcd server.
package enum EtcdFlags {
    package static let table = FlagTable(
        supported + transportSecurity + own + accepted + refused + renamed + ignored)

    /// The variable of a flag: `ETCD_` and the name in capitals.
    static func variable(of name: String) -> String {
        "ETCD_" + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
    }

    // MARK: Rows, so that the tables read as tables

    static func row(
        _ name: String, _ kind: FlagKind, _ standard: String, _ help: String, _ since: String,
        key: String? = nil
    ) -> FlagRow {
        row(name, kind, standard, help, .supported, since, key)
    }

    static func row(
        _ name: String, _ kind: FlagKind, _ standard: String, _ status: FlagStatus,
        _ since: String, key: String? = nil
    ) -> FlagRow {
        row(name, kind, standard, "", status, since, key)
    }

    /// A flag that etcd does not have.
    static func own(_ name: String, _ help: String) -> FlagRow {
        let variable = variable(of: name).dropFirst("ETCD".utf8.count)
        return FlagRow(
            name: name, variable: "KEELSON" + variable, key: name, kind: .text, standard: "",
            help: help, since: "", status: .supported)
    }

    private static func row(
        _ name: String, _ kind: FlagKind, _ standard: String, _ help: String,
        _ status: FlagStatus, _ since: String, _ key: String?
    ) -> FlagRow {
        FlagRow(
            name: name, variable: name == "version" ? "" : variable(of: name), key: key ?? name,
            kind: kind, standard: standard, help: help, since: since, status: status)
    }
}
