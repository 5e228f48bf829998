// SPDX-License-Identifier: Apache-2.0

extension EtcdBackupSpec: CheckedSpec {
    package func check(against old: EtcdBackupSpec?, _ check: inout RuleCheck) {
        if let old { check.require(self == old, "the spec is immutable", of: Self.self) }
        check.below("destination") { destination.check(&$0) }
    }
}

extension EtcdBackupScheduleSpec: CheckedSpec {
    package func check(against old: EtcdBackupScheduleSpec?, _ check: inout RuleCheck) {
        check.below("backupTemplate.destination") { backupTemplate.destination.check(&$0) }
        check.below("retention") { retention.check(&$0) }
    }
}

extension EtcdRestoreSpec: CheckedSpec {
    package func check(against old: EtcdRestoreSpec?, _ check: inout RuleCheck) {
        if let old { check.require(self == old, "the spec is immutable", of: Self.self) }
        check.below("source") { source.check(&$0) }
    }
}

extension BackupDestination {
    func check(_ check: inout RuleCheck) {
        check.require(
            (persistentVolumeClaim == nil) != (volume == nil),
            "exactly one of persistentVolumeClaim and volume must be set", of: Self.self)
    }
}

extension BackupRetention {
    func check(_ check: inout RuleCheck) {
        check.require(
            keepLast + hourly + daily + weekly + monthly > 0,
            "at least one backup must be kept", of: Self.self)
        check.require(
            minVerified >= 1, "minVerified must be at least 1", of: Self.self)
    }
}

extension RestoreSource {
    func check(_ check: inout RuleCheck) {
        check.require(
            (backupRef == nil) != (persistentVolumeClaim == nil),
            "exactly one of backupRef and persistentVolumeClaim must be set", of: Self.self)
    }
}
