// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdClient
internal import Formats
internal import Posix

/// What is asked of the cluster: of any endpoint that answers.
struct V2Action {
    var method: String
    /// Not encoded.
    var path: String
    var query: [(name: String, value: String)] = []
    var contentType: String?
    var body = ""
    /// Never sent to a second endpoint: the first one may have done it.
    var isOneShot = false
    /// The answer may take for ever.
    var isWait = false
}

/// Why there is no answer.
struct V2CallError: Error, Equatable {
    var text: String
    /// One line an endpoint; nil for errors that are not about endpoints.
    var detail: String?
    /// No endpoint could be spoken to.
    var isConnection = false
    /// Ctrl-C.
    var isInterrupt = false
    /// Of an answer that is refused for it.
    var status: Int?

    static let noJSON = V2CallError(
        text: "client: response is invalid json. "
            + "The endpoint is probably not valid etcd cluster endpoint")
}

/// The cluster by its endpoints.
final class V2Client {
    private let globals: V2Globals
    private let console: Console
    private let web: WebClient
    private let credentials: String?
    private(set) var endpoints: [V2Endpoint]
    /// The endpoint that answered last.
    private var pinned = 0

    /// Without asking anybody; the password is prompted for here.
    init(unsynced globals: V2Globals, _ console: Console) throws(V2Failure) {
        self.globals = globals
        self.console = console
        if let problem = globals.tls.problem { throw .plain(problem) }
        var endpoints: [V2Endpoint] = []
        for text in try Self.texts(globals) { endpoints.append(try V2Endpoint(text)) }
        self.endpoints = endpoints
        if globals.username.isEmpty {
            credentials = nil
        } else {
            let (user, password) = V2Password.split(
                globals.username, prompt: "Password: ", console)
            credentials = "Basic " + Base64.encode(Array("\(user):\(password)".utf8))
        }
        do throws(ClientError) {
            web = try WebClient(tls: globals.tls)
        } catch {
            throw .plain("\(error)")
        }
    }

    /// As told, or as DNS tells them.
    private static func texts(_ globals: V2Globals) throws(V2Failure) -> [String] {
        guard let discovery = globals.discovery else { return globals.endpoints }
        do throws(EndpointDiscoveryError) {
            return try discovery.endpoints()
        } catch {
            throw .plain(error.text)
        }
    }

    /// As most commands want it: the cluster has told its endpoints.
    convenience init(_ globals: V2Globals, _ console: Console) throws(V2Failure) {
        try self.init(unsynced: globals, console)
        if globals.isSyncWanted {
            say("start to sync cluster using endpoints(\(list(",")))")
            try sync()
            say("got endpoints(\(list(","))) after sync")
        }
        say("Cluster-Endpoints: \(list(", "))")
    }

    /// When a command that begins now must be over.
    var deadline: Instant? { globals.totalTimeout.map { MonotonicClock.now + $0 } }

    private func list(_ separator: String) -> String {
        endpoints.map(\.text).joined(separator: separator)
    }

    private func say(_ line: String) {
        if globals.isDebug { console.writeError(line + "\n") }
    }

    func stopOnInterrupt() throws(V2Failure) {
        do throws(ClientError) {
            try web.stopsOnInterrupt()
        } catch {
            throw .plain("\(error)")
        }
    }

    /// False if interrupted.
    func pause(_ duration: Duration) -> Bool {
        do throws(WebFailure) {
            try web.pause(duration)
            return true
        } catch {
            return false
        }
    }

    // MARK: Sync

    private func sync() throws(V2Failure) {
        let members: [V2Member]
        do throws(V2CallError) {
            members = try V2Members(client: self).list(deadline)
        } catch {
            if error.isConnection { throw .of(error, code: V2Failure.badConnection) }
            // What the command itself is answered says more.
            if error.status == 401 { return }
            let text = error.detail == nil ? V2CallError.noJSON : error
            throw .of(text, code: V2Failure.serverError)
        }
        let urls = members.flatMap(\.clientURLs)
        guard !urls.isEmpty else {
            throw V2Failure(
                code: V2Failure.serverError,
                text: "etcd cluster has no published client endpoints.\n"
                    + "Try '--no-sync' if you want to access non-published client endpoints("
                    + "\(list(","))).\nError:  client: no endpoints available\n")
        }
        var published: [V2Endpoint] = []
        for url in urls { published.append(try V2Endpoint(url)) }
        // The endpoint in use stays the one that is asked first.
        let used = endpoints[pinned]
        if Set(published.map(\.text)) == Set(endpoints.map(\.text)) { return }
        endpoints = published
        pinned = published.firstIndex(of: used) ?? 0
    }

    // MARK: Calls

    /// Asks each endpoint once, the one that answered last first.
    func send(_ action: V2Action, until deadline: Instant?) throws(V2CallError) -> WebAnswer {
        var failures: [(text: String, isConnection: Bool)] = []
        let (start, count) = (pinned, endpoints.count)
        for index in start..<(start + count) {
            let endpoint = endpoints[index % count]
            do throws(WebFailure) {
                let answer = try exchange(action, endpoint, deadline)
                if answer.status / 100 != 5 {
                    pinned = index % count
                    return answer
                }
                failures.append((Self.serverText(answer.status, endpoint), false))
            } catch {
                failures.append(try Self.failure(error, endpoint))
            }
            if action.isOneShot, let failure = failures.last {
                pinned = (index + 1) % count
                throw V2CallError(text: failure.text, isConnection: failure.isConnection)
            }
        }
        let lines = failures.enumerated().map { "error #\($0.offset): \($0.element.text)\n" }
        throw V2CallError(
            text: "client: etcd cluster is unavailable or misconfigured"
                + lines.map { "; " + $0 }.joined(),
            detail: lines.joined(), isConnection: failures.allSatisfy(\.isConnection))
    }

    private static func failure(
        _ error: WebFailure, _ endpoint: V2Endpoint
    ) throws(V2CallError) -> (text: String, isConnection: Bool) {
        switch error {
        case .dial(let text): return (text, true)
        case .broken(let text): return (text, text.hasPrefix("read "))
        case .headTimeout:
            return ("client: endpoint \(endpoint.text) exceeded header timeout", false)
        case .deadline: throw V2CallError(text: error.text, isConnection: true)
        case .interrupted: throw V2CallError(text: error.text, isInterrupt: true)
        }
    }

    private static func serverText(_ status: Int, _ endpoint: V2Endpoint) -> String {
        let phrases = [
            501: "Not Implemented", 502: "Bad Gateway", 504: "Gateway Timeout",
            505: "HTTP Version Not Supported",
        ]
        return status == 500 || status == 503
            ? "client: etcd member \(endpoint.text) has no leader"
            : "client: etcd member \(endpoint.text) returns server error "
                + "[\(phrases[status] ?? "")]"
    }

    private func exchange(
        _ action: V2Action, _ endpoint: V2Endpoint, _ deadline: Instant?
    ) throws(WebFailure) -> WebAnswer {
        let path = V2URL.path(V2URL.canonical(endpoint.prefix + action.path))
        let query = action.query.isEmpty ? "" : "?" + V2URL.query(action.query)
        let data = action.body.isEmpty ? "" : " -d \(GoQuote.text(action.body))"
        let origin = endpoint.text.dropLast(endpoint.prefix.count)
        let base = origin.hasSuffix("/") ? origin.dropLast() : origin
        say("cURL Command: curl -X \(action.method) \(base)\(path)\(query)\(data)")
        var request = self.request(action.method, endpoint, path + query)
        if let type = action.contentType { request.headers.append(("content-type", type)) }
        if let credentials { request.headers.append(("authorization", credentials)) }
        request.body = Array(action.body.utf8)
        request.headTimeout = action.isWait ? nil : globals.timeout
        request.deadline = deadline
        return try web.exchange(request)
    }

    private func request(
        _ method: String, _ endpoint: V2Endpoint, _ target: String
    ) -> WebRequest {
        let patience = min(globals.totalTimeout ?? .seconds(30), .seconds(30))
        return WebRequest(
            method, host: endpoint.host, port: endpoint.port, target: target,
            dialTimeout: patience, isSecure: endpoint.isSecure)
    }

    /// Of one URL outside the cluster's API; waits for its answer for ever, as the old tool does.
    func get(_ endpoint: V2Endpoint, _ path: String) throws(WebFailure) -> WebAnswer {
        try web.exchange(request("GET", endpoint, endpoint.prefix + path))
    }
}

extension V2Failure {
    static func of(_ error: V2CallError, code: Int32) -> V2Failure {
        if error.isInterrupt { return V2Failure(code: 0, text: "") }
        return .error(error.text, detail: error.detail, code: code)
    }
}

/// `user:password`, or a user whose password is asked for.
enum V2Password {
    static func split(
        _ text: String, prompt: String, _ console: Console
    ) -> (user: String, password: String) {
        if let colon = text.firstIndex(of: ":") {
            return (String(text[..<colon]), String(text[text.index(after: colon)...]))
        }
        return (text, ask(prompt, console))
    }

    static func ask(_ prompt: String, _ console: Console) -> String {
        console.write(prompt)
        let line = console.input.line() ?? String(decoding: console.input.all(), as: UTF8.self)
        console.write("\n")
        return line
    }
}
