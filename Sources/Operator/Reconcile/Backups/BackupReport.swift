// SPDX-License-Identifier: Apache-2.0
internal import Formats
internal import Kube

/// A termination message of `keelsonctl backup`: a manifest and what lies there now, or an error.
struct BackupReport: Equatable {
    var artifact: BackupArtifact?
    var isVerified = false
    var member = ""
    var stored = 0
    var storedBytes = 0
    var error = ""

    /// Anything that is no such message is an error that says so.
    init(_ words: LastWords?, claim: String, folder: String) {
        guard let words else {
            error = "the pod has left no message"
            return
        }
        let json: JSONValue
        do throws(FormatError) {
            json = try JSON.parse(Array(words.text.utf8))
        } catch {
            self.error = String(words.text.prefix(512))
            return
        }
        if let error = json["error"]?.string {
            self.error = error
            return
        }
        guard let file = json["file"]?.string, !file.isEmpty else {
            error = String(words.text.prefix(512))
            return
        }
        var artifact = BackupArtifact.decode(json, at: "")
        let path = folder.isEmpty ? file : "\(Self.trimmed(folder))/\(file)"
        artifact.uri = "pvc://\(claim)/\(path)"
        self.artifact = artifact
        isVerified = json["verified"]?.bool ?? false
        member = json["member"]?.string ?? ""
        stored = Int(json["stored"]?.int64 ?? 0)
        storedBytes = Int(json["storedBytes"]?.int64 ?? 0)
    }

    static func trimmed(_ folder: String) -> String {
        folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    }
}
