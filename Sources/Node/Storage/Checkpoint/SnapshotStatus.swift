// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// What `snapshot status` says of a `.db` file.
package struct SnapshotStatus: Equatable, Sendable {
    /// CRC-32C over bucket names, keys and values, in order, nothing left out.
    package var hash: UInt32
    /// The main revision of the last record of the key bucket; 0 when there is none.
    package var revision: Int64
    /// Rows of all buckets (as etcd up to 3.5 counts).
    package var rowCount: Int
    /// Bytes of the database, without what may trail it in the file.
    package var size: Int64

    package static func of(_ reader: BoltReader) throws(StorageError) -> SnapshotStatus {
        var crc = CRC32C()
        var status = SnapshotStatus(hash: 0, revision: 0, rowCount: 0, size: reader.size)
        for name in reader.bucketNames {
            crc.update(name)
            let isKeys = name == Array("key".utf8)
            unsafe try reader.forEach(in: name) { key, value throws(StorageError) in
                unsafe crc.update(key)
                unsafe crc.update(value)
                status.rowCount += 1
                if isKeys, key.count >= 8 {
                    let main = unsafe UInt64(bigEndian: key.loadUnaligned(as: UInt64.self))
                    status.revision = Int64(bitPattern: main)
                }
            }
        }
        status.hash = crc.value
        return status
    }
}
