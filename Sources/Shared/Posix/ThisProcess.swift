// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import Glibc

/// What a process may know about itself, for metrics and status.
package enum ThisProcess {
    package static var id: Int32 { getpid() }

    /// Resident memory in bytes; 0 where /proc is missing.
    package static var residentByteCount: Int64 { memory(1) }

    package static var virtualByteCount: Int64 { memory(0) }

    package static var openDescriptorCount: Int {
        // The size of that folder since Linux 6.2; naming thousands of them takes milliseconds.
        if let count = try? Directory.size(of: descriptorFolder), count > 0 { return Int(count) }
        return listedDescriptorCount
    }

    static var listedDescriptorCount: Int {
        // The listing itself needs one.
        ((try? Directory.list(descriptorFolder))?.count ?? 1) - 1
    }

    private static let descriptorFolder = "/proc/self/fd"

    /// The soft limit of open descriptors.
    package static var descriptorLimit: Int {
        var limit = rlimit()
        let known = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return known == 0 ? Int(clamping: limit.rlim_cur) : 0
    }

    /// The soft limit of the address space; without one the largest number there is.
    package static var virtualByteLimit: Double {
        var limit = rlimit()
        let known = unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        return known == 0 ? Double(limit.rlim_cur) : 0
    }

    /// Raises the soft limit of open descriptors to the hard one, as Go programs do at start.
    package static func raiseDescriptorLimit() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        if unsafe getrlimit(resource, &limit) != 0 { return }
        limit.rlim_cur = limit.rlim_max
        unsafe _ = setrlimit(resource, &limit)
    }

    /// Processor time spent by all threads, in user and kernel mode.
    package static var processorTime: Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    package static var processorCount: Int {
        max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    /// On how many of them this thread, and those it starts, may run at all (taskset, cpusets).
    package static var usableProcessorCount: Int {
        let count = Int(keelson_usable_processors())
        return count > 0 ? count : processorCount
    }

    package static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        return unsafe gethostname(&name, name.count - 1) == 0 ? text(name) : "localhost"
    }

    /// The path of the running program.
    package static var executablePath: String? {
        unsafe realpath("/proc/self/exe", nil).map { path in
            defer { unsafe free(path) }
            return unsafe String(cString: path)
        }
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// One of the figures of proc(5)'s statm, which counts pages.
    private static func memory(_ place: Int) -> Int64 {
        guard let bytes = try? File("/proc/self/statm", .read).readAll() else { return 0 }
        let figures = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard figures.indices.contains(place), let pages = Int64(figures[place]) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
