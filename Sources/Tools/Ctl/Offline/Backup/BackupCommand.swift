// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import EtcdAPI
internal import EtcdClient
internal import Formats
internal import Interchange
internal import Posix

/// Save, verify, write down and clear away, in one step for backup jobs. Standard output gets one
/// line of JSON, whatever happens.
enum BackupCommand {
    static let row = Command(
        "backup", usage: "backup --dir DIR",
        "Saves and verifies a snapshot into a folder, and removes old ones by rule",
        description: [
            "Prints one line of JSON: the manifest of what was made, or {\"error\":...}.",
            "A file appears under its name only when it was verified; beside it FILE.json says "
                + "what is in it, and without that it is no backup.",
            "Without a --keep flag everything is kept. Only files with a manifest of this cluster "
                + "and name are ever removed, and never the newest verified.",
            "Exit codes: 1 not verified or refused, 2 no healthy endpoint, 6 folder or disk, 128 "
                + "flags.",
        ],
        examples: [
            "backup --dir /backups",
            "backup --endpoints 10.0.0.1:2379,10.0.0.2:2379 --dir /backups --cluster demo "
                + "--keep-hourly 24 --keep-daily 7 --keep-weekly 4 --min-free 10%",
        ],
        flags: BackupPlan.flags, isNewer: true, run: run)

    private static func run(_ call: Invocation) throws(CtlError) {
        let log = call.flags.text("termination-log")
        do throws(CtlError) {
            let plan = try BackupPlan(call)
            let line = try BackupJob(plan, call).run()
            tell(line, call, log)
        } catch {
            tell(.object([("error", .string(text(error)))]), call, log)
            throw .told(code(error))
        }
    }

    /// Kubernetes reads no more than 4096 bytes of the file.
    static func tell(_ value: JSONValue, _ call: Invocation, _ log: String) {
        call.console.write(JSON.text(value) + "\n")
        if log.isEmpty { return }
        do throws(PosixError) {
            let file = try File(log, .replace, permissions: 0o644)
            try file.write(at: 0, terminationMessage(value))
        } catch {
            call.console.writeError("cannot write the termination message: \(error)\n")
        }
    }

    static func terminationMessage(_ value: JSONValue) -> [UInt8] {
        let whole = JSON.bytes(value) + [0x0a]
        if whole.count <= 4_096 { return whole }
        guard let error = value["error"]?.string else { return Array(whole.prefix(4_096)) }
        // At worst each letter takes six bytes.
        return JSON.bytes(.object([("error", .string(String(error.prefix(600))))])) + [0x0a]
    }

    static func text(_ error: CtlError) -> String {
        switch error {
        case .failed(_, let text), .call(_, let text, _), .misused(let text, _): text
        case .told(let code): "failed with code \(code.rawValue)"
        case .exited(let code): "failed with code \(code)"
        }
    }

    static func code(_ error: CtlError) -> ExitCode {
        switch error {
        case .failed(let code, _), .call(let code, _, _), .told(let code): code
        case .misused, .exited: .error
        }
    }
}

/// One run.
private struct BackupJob {
    private let plan: BackupPlan
    private let call: Invocation

    init(_ plan: BackupPlan, _ call: Invocation) {
        self.plan = plan
        self.call = call
    }

    func run() throws(CtlError) -> JSONValue {
        let locked = try LockedBackupFolder(plan.folder, cluster: plan.cluster)
        try locked.tidy()
        let manifest: BackupManifest
        if let made = try earlier(locked.folder) {
            tell("\(made.file) has this uid: nothing is to be done")
            manifest = made
        } else {
            manifest = try make(locked)
        }
        let outcome = try Pruning(plan.retention, cluster: plan.cluster, name: plan.name)
            .apply(locked, sparing: manifest.file)
        for name in outcome.removed { tell("removed \(name)") }
        return .object(manifest.members + outcome.members)
    }

    /// Whoever starts the job again gets what the first start has made.
    private func earlier(_ folder: BackupFolder) throws(CtlError) -> BackupManifest? {
        if plan.uid.isEmpty { return nil }
        return try folder.backups().last {
            $0.uid == plan.uid && $0.cluster == plan.cluster && $0.name == plan.name
        }
    }

    private func make(_ locked: LockedBackupFolder) throws(CtlError) -> BackupManifest {
        let time = WallClock.nanoseconds / 1_000_000_000
        let stem = locked.stem(at: time)
        do throws(CtlError) {
            let source = try fetch(locked, stem)
            var manifest = try verify(locked.partial(stem), source)
            manifest.file = "\(stem)-\(manifest.revision).db"
            manifest.createdAt = time
            manifest.cluster = plan.cluster
            manifest.name = plan.name
            manifest.uid = plan.uid
            manifest.clusterID = String(source.clusterID, radix: 16)
            manifest.etcdVersion = source.version
            manifest.member = source.name.isEmpty ? source.id : source.name
            manifest.endpoint = source.endpoint
            manifest.verification = plan.verification
            try locked.publish(stem, manifest)
            tell("saved \(manifest.file), revision \(manifest.revision)")
            return manifest
        } catch {
            locked.discard(stem)
            throw error
        }
    }

    // MARK: Fetch

    /// From the best member that gives a whole one.
    private func fetch(
        _ locked: LockedBackupFolder, _ stem: String
    ) throws(CtlError) -> BackupSource {
        var (found, failures) = try BackupSource.find(call)
        let ranked = BackupSource.ranked(found, plan.wish)
        for source in found where !ranked.contains(source) {
            let why = source.problems.isEmpty ? "" : ": \(source.problems.joined(separator: ", "))"
            failures.append(
                "\(source.endpoint): "
                    + (source.leader == 0 ? "has no leader" : "not what --from asks for") + why)
        }
        for source in ranked {
            try checkSpace(source.byteCount)
            do throws(CtlError) {
                tell(
                    "fetching from \(source.endpoint) (\(source.isLeader ? "leader" : "follower"))")
                let client = try call.client(endpoints: [source.endpoint], timeout: false)
                let download = SnapshotDownload(
                    path: "", part: locked.partial(stem), call, diskCode: .inputOutput)
                try download.fetch(client)
                return source
            } catch {
                if case .failed(.inputOutput, _) = error { throw error }
                failures.append("\(source.endpoint): \(BackupCommand.text(error))")
            }
        }
        throw .failed(
            .badConnection,
            "no healthy endpoint: "
                + (failures.isEmpty ? "none is given" : failures.joined(separator: "; ")))
    }

    private func checkSpace(_ size: Int64) throws(CtlError) {
        let space = try onFolder { () throws(PosixError) in try Directory.space(at: plan.folder) }
        let left = plan.minimumFree.bytes(ofTotal: space.total)
        let (needed, overflow) = size.addingReportingOverflow(left)
        guard !overflow, space.free >= needed else {
            throw .failed(
                .inputOutput,
                "\(plan.folder) has \(humanSize(space.free)) free: the snapshot takes about "
                    + "\(humanSize(size)), and \(humanSize(left)) must stay free")
        }
    }

    // MARK: Verify

    private func verify(
        _ path: String, _ source: BackupSource
    ) throws(CtlError) -> BackupManifest {
        let snapshot = try SnapshotFiles.open(path)
        defer { snapshot.close() }
        tell("verifying (\(plan.verification.rawValue))")
        var manifest = try BackupCheck.facts(snapshot, plan.verification, call)
        if plan.verification == .full { try compare(&manifest, source) }
        return manifest
    }

    /// The member says what hash it has at this revision. A member that has been compacted since, or
    /// is gone, says nothing against the file; the manifest tells that it was not asked.
    private func compare(
        _ manifest: inout BackupManifest, _ source: BackupSource
    ) throws(CtlError) {
        let answer: HashKVResponse
        do throws(CtlError) {
            let client = try call.client(endpoints: [source.endpoint])
            let revision = manifest.revision
            answer = try calling { () throws(ClientError) in
                try client.hashKV(.with { $0.revision = revision })
            }
        } catch {
            manifest.memberHash = "not compared: \(BackupCommand.text(error))"
            tell("the member's hash is \(manifest.memberHash)")
            return
        }
        guard answer.compactRevision == manifest.compactRevision else {
            manifest.memberHash = "not compared: the member has been compacted since"
            tell("the member's hash is \(manifest.memberHash)")
            return
        }
        manifest.memberHash = "equal"
        guard answer.hash == manifest.hashKV else {
            throw .failed(
                .error,
                "the snapshot has the hash \(manifest.hashKV) at revision \(manifest.revision), "
                    + "the member that sent it \(answer.hash)")
        }
    }

    private func tell(_ text: String) {
        if plan.tellsSteps { call.console.writeError("backup: \(text)\n") }
    }
}
