// SPDX-License-Identifier: Apache-2.0
import Formats
import Kube
import Testing

struct RecordTests {
    private func object(_ yaml: String) throws -> KubeObject {
        KubeObject(try #require(try YAML.read(yaml).object))
    }

    @Test func `an empty spec is a cluster of three with everything at its default`() throws {
        let cluster = EtcdCluster(
            try object("{apiVersion: keelson.dev/v1alpha1, kind: EtcdCluster, spec: {}}"))
        #expect(cluster.problems.isEmpty)
        #expect(cluster.spec == EtcdClusterSpec())
        #expect(cluster.spec.replicas == 3)
        #expect(cluster.spec.storage.size == Quantity("8Gi"))
        #expect(cluster.spec.resources.requests["memory"] == "512Mi")
    }

    @Test func `what is written is read`() throws {
        let cluster = EtcdCluster(
            try object(
                """
                metadata: {name: demo, namespace: shop, uid: u1}
                spec:
                  replicas: 5
                  version: 3.6.1
                  storage: {size: 20Gi, storageClassName: fast, medium: PersistentVolume}
                  options: {quotaBackendBytes: 4Gi, electionTimeout: 2s, extraArgs: [--metrics=basic]}
                  podTemplate: {spec: {affinity: {nodeAffinity: {any: [1]}}, nodeSelector: {disk: ssd}}}
                  backup: {schedules: [{name: nightly, schedule: 0 * * * *,
                    destination: {persistentVolumeClaim: {claimName: b, path: demo}}}]}
                  bootstrap: {restore: {backupRef: {name: yesterday}}}
                  deletionPolicy: Delete
                """))
        #expect(cluster.problems.isEmpty)
        #expect(cluster.name == "demo" && cluster.namespace == "shop" && cluster.uid == "u1")
        let spec = cluster.spec
        #expect(spec.replicas == 5 && spec.version == "3.6.1")
        #expect(spec.storage.storageClassName == "fast")
        #expect(spec.options.quotaBackendBytes == Quantity("4Gi"))
        #expect(spec.options.electionTimeout == .seconds(2))
        #expect(spec.podTemplate.spec.affinity.object["nodeAffinity"] != nil)
        #expect(spec.backup.schedules.first?.destination.persistentVolumeClaim?.path == "demo")
        #expect(spec.backup.schedules.first?.retention == BackupRetention())
        #expect(spec.bootstrap?.restore?.backupRef?.name == "yesterday")
        #expect(spec.deletionPolicy == .delete)
        #expect(EtcdClusterSpec.decode(.object(spec.encoded)) == spec)
    }

    @Test func `a status written and read again is the same`() throws {
        var status = EtcdClusterStatus()
        status.phase = .scaling
        status.clusterID = "cdf818194e3a8c32"
        var member = MemberStatus()
        member.name = "demo-1"
        member.role = .voter
        member.state = .healthy
        member.isLeader = true
        status.members = [member]
        status.operation = OperationRecord()
        status.operation?.type = .scaleOut
        status.alarms = [AlarmStatus()]
        status.conditions.set(
            "Available", .yes, reason: "Quorum", generation: 3, now: "2026-01-02T03:04:05Z")
        let text = JSONValue.object(status.encoded)
        #expect(EtcdClusterStatus.decode(text, at: "status") == status)
        #expect(text["members"]?[0]?["isLeader"] == true)
    }

    @Test func `a wrong value is named and the default stays`() throws {
        let cluster = EtcdCluster(
            try object(
                """
                spec: {replicas: three, storage: {size: huge, medium: Tape}, options: 7,
                  bootstrap: {restore: {persistentVolumeClaim: {path: x.db}}}}
                """))
        #expect(
            cluster.problems.map(\.field) == [
                "spec.replicas", "spec.storage.size", "spec.storage.medium", "spec.options",
                "spec.bootstrap.restore.persistentVolumeClaim.claimName",
            ])
        #expect(cluster.spec.replicas == 3)
        #expect(cluster.spec.storage == ClusterStorage())
        #expect(
            cluster.problems[2].message
                == "Unsupported value: \"Tape\": supported values: \"PersistentVolume\", \"Memory\""
        )
    }

    @Test func `a condition's time moves with its truth alone`() throws {
        var conditions = Conditions()
        conditions.set("Available", .yes, reason: "A", generation: 1, now: "t1")
        conditions.set("Available", .yes, reason: "B", message: "m", generation: 2, now: "t2")
        #expect(conditions["Available"]?.lastTransitionTime == "t1")
        #expect(conditions["Available"]?.reason == "B")
        conditions.set("Available", .unknown, reason: "C", generation: 2, now: "t3")
        #expect(conditions["Available"]?.lastTransitionTime == "t3")
        #expect(!conditions.isTrue("Available"))
        conditions.remove("Available")
        #expect(conditions.list.isEmpty)
    }

    @Test func `an unchanged status is not written`() throws {
        var cluster = EtcdCluster(try object("{spec: {}, status: {replicas: 3, phase: Running}}"))
        #expect(!cluster.statusDiffers)
        cluster.status.replicas = 2
        #expect(cluster.statusDiffers)
        #expect(cluster.withStatus["status", "phase"] == "Running")
        #expect(cluster.withStatus["status", "replicas"] == 2)
    }
}
