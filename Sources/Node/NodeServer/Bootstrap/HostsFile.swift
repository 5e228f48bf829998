// SPDX-License-Identifier: Apache-2.0
internal import Posix

/// Names of our own, from the file that KEELSON_HOSTS names: lines of an address and its names, as
/// in /etc/hosts. For sandboxes, where pods are processes and have no DNS. The file may come later.
enum HostsFile {
    static func lookup() -> NameLookup {
        NameLookup(hostsFile: NodeEnvironment.value("KEELSON_HOSTS"))
    }
}
