// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import Formats

// What a pod is told to be, and what becomes of it: values without clock, process or file.
//
//   PodPlan, ContainerPlan, ProbePlan   a pod's spec as far as it is obeyed here
//   PodLife                             event in, effects out: Pending, Running, Succeeded, Failed
//   ContainerLife                       one container in it: state, restarts, probes
//   PodStatusText                       what `status` of the pod says about a life

/// A pod's spec, read once. What is asked for and cannot be done here is a refusal in words.
package struct PodPlan: Equatable, Sendable {
    package enum RestartPolicy: String, Equatable, Sendable {
        case always = "Always"
        case onFailure = "OnFailure"
        case never = "Never"
    }

    /// Run one after the other, each to its end, before the others start.
    package var initContainers: [ContainerPlan] = []
    package var containers: [ContainerPlan] = []
    package var restartPolicy = RestartPolicy.always
    package var grace: Duration = .seconds(30)
    /// From the start of the pod; nil for no limit.
    package var activeDeadline: Duration?

    package init(spec: JSONValue) throws(PlanError) {
        for value in spec["initContainers"]?.array ?? [] {
            if value["restartPolicy"]?.string != nil {
                throw PlanError("init containers with a restart policy (sidecars) are not run here")
            }
            initContainers.append(try ContainerPlan(value))
        }
        for value in spec["containers"]?.array ?? [] {
            containers.append(try ContainerPlan(value))
        }
        if let text = spec["restartPolicy"]?.string {
            guard let policy = RestartPolicy(rawValue: text) else {
                throw PlanError("unknown restart policy \(text)")
            }
            restartPolicy = policy
        }
        grace = seconds(spec, "terminationGracePeriodSeconds") ?? grace
        activeDeadline = seconds(spec, "activeDeadlineSeconds")
    }
}

package struct PlanError: Error, Equatable, Sendable {
    package var text: String

    package init(_ text: String) {
        self.text = text
    }
}

package struct ContainerPlan: Equatable, Sendable {
    package var name: String
    package var image: String
    /// As written: variables are not expanded and paths are the container's.
    package var command: [String]
    package var arguments: [String]
    package var workingDirectory: String?
    /// The entries of `env` and `envFrom`.
    package var environment: [JSONValue]
    package var environmentSources: [JSONValue]
    package var mounts: [MountPlan]
    package var startup: ProbePlan?
    package var liveness: ProbePlan?
    package var readiness: ProbePlan?
    package var preStop: HandlerPlan?
    package var terminationMessagePath: String
    /// The end of the log serves where no message was written and the container failed.
    package var fallsBackToLog: Bool

    package init(_ value: JSONValue) throws(PlanError) {
        name = value["name"]?.string ?? ""
        image = value["image"]?.string ?? ""
        command = texts(value["command"])
        arguments = texts(value["args"])
        workingDirectory = value["workingDir"]?.string
        environment = value["env"]?.array ?? []
        environmentSources = value["envFrom"]?.array ?? []
        mounts = (value["volumeMounts"]?.array ?? []).map { MountPlan($0) }
        let ports = ContainerPlan.portNumbers(value)
        startup = try ProbePlan.read(value["startupProbe"], ports)
        liveness = try ProbePlan.read(value["livenessProbe"], ports)
        readiness = try ProbePlan.read(value["readinessProbe"], ports)
        if let handler = value["lifecycle"]?["preStop"] {
            preStop = try HandlerPlan(handler, ports)
        }
        if value["lifecycle"]?["postStart"] != nil {
            throw PlanError("postStart hooks are not run here")
        }
        terminationMessagePath =
            value["terminationMessagePath"]?.string ?? "/dev/termination-log"
        fallsBackToLog =
            value["terminationMessagePolicy"]?.string == "FallbackToLogsOnError"
    }

    private static func portNumbers(_ value: JSONValue) -> [(name: String, number: UInt16)] {
        (value["ports"]?.array ?? []).compactMap { port in
            guard let name = port["name"]?.string,
                let number = port["containerPort"]?.int64.flatMap({ UInt16(exactly: $0) })
            else { return nil }
            return (name, number)
        }
    }
}

package struct MountPlan: Equatable, Sendable {
    package var volume: String
    package var path: String
    package var subPath: String
    package var isReadOnly: Bool

    init(_ value: JSONValue) {
        volume = value["name"]?.string ?? ""
        var path = value["mountPath"]?.string ?? ""
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.path = path
        subPath = value["subPath"]?.string ?? ""
        isReadOnly = value["readOnly"]?.bool ?? false
    }
}

/// What is asked of a container from outside: by a probe or a hook.
package enum HandlerPlan: Equatable, Sendable {
    case http(HTTPHandlerPlan)
    case tcp(port: UInt16, host: String?)
    case exec([String])
    case sleep(Duration)

    init(
        _ value: JSONValue, _ ports: [(name: String, number: UInt16)]
    ) throws(PlanError) {
        if let get = value["httpGet"] {
            var headers: [String] = []
            for header in get["httpHeaders"]?.array ?? [] {
                headers.append(
                    "\(header["name"]?.string ?? ""): \(header["value"]?.string ?? "")")
            }
            self = .http(
                HTTPHandlerPlan(
                    path: get["path"]?.string ?? "/",
                    port: try HandlerPlan.port(get["port"], ports),
                    isSecure: get["scheme"]?.string == "HTTPS",
                    host: get["host"]?.string, headers: headers))
        } else if let socket = value["tcpSocket"] {
            self = .tcp(
                port: try HandlerPlan.port(socket["port"], ports),
                host: socket["host"]?.string)
        } else if let exec = value["exec"] {
            self = .exec(texts(exec["command"]))
        } else if let sleep = value["sleep"] {
            guard let seconds = sleep["seconds"]?.int64, (0...86_400).contains(seconds) else {
                throw PlanError("a hook that sleeps says for how many seconds, 0 to 86400")
            }
            self = .sleep(.seconds(seconds))
        } else {
            throw PlanError("a probe or hook that is not http, tcp or exec is not run here")
        }
    }

    private static func port(
        _ value: JSONValue?, _ ports: [(name: String, number: UInt16)]
    ) throws(PlanError) -> UInt16 {
        if let number = value?.int64.flatMap({ UInt16(exactly: $0) }) { return number }
        if let name = value?.string {
            if let number = UInt16(name) { return number }
            if let port = ports.first(where: { $0.name == name }) { return port.number }
            throw PlanError("no port of the container is called \(name)")
        }
        throw PlanError("a probe or hook without a port")
    }
}

package struct HTTPHandlerPlan: Equatable, Sendable {
    package var path: String
    package var port: UInt16
    package var isSecure: Bool
    /// Nil: the pod's address.
    package var host: String?
    /// Whole lines.
    package var headers: [String]
}

package struct ProbePlan: Equatable, Sendable {
    package var handler: HandlerPlan
    package var initialDelay: Duration
    package var period: Duration
    package var timeout: Duration
    package var successThreshold: Int
    package var failureThreshold: Int

    static func read(
        _ value: JSONValue?, _ ports: [(name: String, number: UInt16)]
    ) throws(PlanError) -> ProbePlan? {
        guard let value, !value.isNull else { return nil }
        if value["sleep"] != nil { throw PlanError("a probe does not sleep: only hooks do") }
        return ProbePlan(
            handler: try HandlerPlan(value, ports),
            initialDelay: seconds(value, "initialDelaySeconds") ?? .zero,
            period: max(.seconds(1), seconds(value, "periodSeconds") ?? .seconds(10)),
            timeout: max(.seconds(1), seconds(value, "timeoutSeconds") ?? .seconds(1)),
            successThreshold: count(value, "successThreshold", 1),
            failureThreshold: count(value, "failureThreshold", 3))
    }
}

private func texts(_ value: JSONValue?) -> [String] {
    (value?.array ?? []).compactMap(\.string)
}

/// Bounded, so that arithmetic on it cannot overflow.
private func seconds(_ value: JSONValue, _ key: String) -> Duration? {
    value[key]?.int64.map { .seconds(min(max($0, 0), 1_000_000_000)) }
}

private func count(_ value: JSONValue, _ key: String, _ standard: Int) -> Int {
    Int(min(max(value[key]?.int64 ?? Int64(standard), 1), 1_000_000))
}
