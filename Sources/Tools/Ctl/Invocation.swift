// SPDX-License-Identifier: Apache-2.0
internal import EtcdAPI
internal import EtcdClient
internal import Posix

/// What a command runs with.
struct Invocation {
    let personality: Personality
    let flags: FlagSet
    let globals: GlobalFlags
    /// NAME=value lines.
    let environment: [String]
    let console: Console
    private let login: LoginOnce

    init(
        personality: Personality, flags: FlagSet, globals: GlobalFlags, environment: [String],
        console: Console
    ) {
        self.personality = personality
        self.flags = flags
        self.globals = globals
        self.environment = environment
        self.console = console
        login = LoginOnce()
    }

    var arguments: [String] { flags.arguments }

    /// `timeout` false leaves calls without a deadline.
    func client(
        endpoints: [String]? = nil, timeout: Bool = true
    ) throws(CtlError) -> Client {
        try client(try settings(endpoints: endpoints, timeout: timeout))
    }

    /// Logs in at once, so that a wrong password is told before anything is done.
    func client(_ settings: ClientSettings) throws(CtlError) -> Client {
        try calling(.badConnection) { () throws(ClientError) in
            let client = try Client(settings)
            try client.logIn()
            return client
        }
    }

    /// For clients of other threads too. Asks for the password if there is a user without one.
    func settings(
        endpoints: [String]? = nil, timeout: Bool = true
    ) throws(CtlError) -> ClientSettings {
        try check()
        var told = endpoints
        if told == nil { told = try discovered() }
        var settings = ClientSettings(endpoints: told ?? [])
        settings.dialTimeout = globals.dialTimeout
        settings.callTimeout = timeout ? globals.commandTimeout : nil
        settings.keepAliveTime = globals.keepAliveTime
        settings.keepAliveTimeout = globals.keepAliveTimeout
        if globals.maxRequestBytes > 0 {
            settings.maxRequestBytes = Int(min(globals.maxRequestBytes, Int64(Int32.max)))
        }
        if globals.maxAnswerBytes > 0 {
            settings.maxAnswerBytes = Int(min(globals.maxAnswerBytes, Int64(Int32.max)))
        }
        settings.tls = globals.tls
        let hosts = variable("KEELSON_HOSTS")
        if !hosts.isEmpty { settings.lookup = NameLookup(hostsFile: hosts) }
        if let problem = globals.tls?.problem { throw .badArguments(problem) }
        settings.login = login.login(globals.user, globals.password, console)
        return settings
    }

    /// Those of DNS, if they are to be asked for; else those given.
    private func discovered() throws(CtlError) -> [String] {
        guard let discovery = globals.discovery else { return globals.endpoints }
        do throws(EndpointDiscoveryError) {
            let found = try discovery.endpoints()
            return found.isEmpty ? globals.endpoints : found
        } catch {
            throw .failed(.error, error.text)
        }
    }

    /// Tells what is wrong with the flags of all commands, once.
    private func check() throws(CtlError) {
        if !login.hasWarned {
            login.hasWarned = true
            for warning in globals.warnings { console.writeError(warning.line(personality)) }
            if globals.isDebug { console.writeError(globals.listing) }
        }
        if let problem = globals.problem { throw problem }
    }

    /// A failure that does not end the command.
    func tell(_ text: String, _ failure: ClientError) {
        console.writeError(text + "\n" + (personality.explains ? Advice.text(failure) : ""))
    }

    func show(_ answer: Answer) throws(CtlError) {
        if let problem = globals.problem { throw problem }
        console.write(
            try Printer.bytes(answer, globals.format, hex: globals.hex, for: personality))
    }

    /// The value of NAME in the environment; empty if it is not there.
    func variable(_ name: String) -> String {
        let line = environment.last { $0.hasPrefix(name + "=") }
        return line.map { String($0.dropFirst(name.utf8.count + 1)) } ?? ""
    }

    /// Those given, or with --cluster those that the members tell their clients.
    func chosenEndpoints() throws(CtlError) -> [String] {
        guard flags.bool("cluster") else { return globals.endpoints }
        let client = try client()
        let list: MemberListResponse = try calling(
            .error, { "failed to fetch endpoints from etcd cluster member list: \($0)" }
        ) { () throws(ClientError) in
            try client.memberList(.with { $0.linearizable = true })
        }
        return list.members.flatMap(\.clientURLs)
    }

    /// The single argument as a number in hexadecimal.
    func memberID() throws(CtlError) -> UInt64 {
        guard arguments.count == 1 else { throw .badArguments("member ID is not provided") }
        return try GoParse.uint64(arguments[0], radix: 16) {
            .badArguments("bad member ID arg (\($0)), expecting ID in Hex")
        }
    }

    func leaseID(_ text: String) throws(CtlError) -> Int64 {
        try GoParse.int64(text, radix: 16) {
            .badArguments("bad lease ID arg (\($0)), expecting ID in Hex")
        }
    }
}

/// What a command says or asks only once, however many clients it makes.
private final class LoginOnce {
    var hasWarned = false
    private var known: Login?

    func login(
        _ user: String, _ password: String, _ console: Console
    ) -> Login? {
        if user.isEmpty { return nil }
        let login = known ?? Login.of(user, password, console)
        known = login
        return login.isComplete ? login : nil
    }
}

extension Login {
    /// The password is given, or part of `user` behind a colon, or asked for.
    static func of(
        _ user: String, _ password: String, _ console: Console
    ) -> Login {
        if !password.isEmpty { return Login(name: user, password: password) }
        let parts = user.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 { return Login(name: String(parts[0]), password: String(parts[1])) }
        return Login(name: user, password: console.password(prompt: "Password: "))
    }

    /// Without a name or a password nobody logs in, as in etcd's client.
    var isComplete: Bool { !name.isEmpty && !password.isEmpty }
}
