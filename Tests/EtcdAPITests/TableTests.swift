// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import EtcdAPI

@Suite struct TableTests {
    @Test func `every method has its row and is found by its paths`() {
        #expect(Services.rows.map(\.rpc) == RPC.allCases)
        for row in Services.rows {
            #expect(row.rpc.row.method == row.method)
            #expect(Services.rpc(path: row.path) == row.rpc)
            for path in row.gatewayPaths { #expect(Services.rpc(gatewayPath: path) == row.rpc) }
        }
        #expect(RPC.put.path == "/etcdserverpb.KV/Put")
        #expect(RPC.watch.row.streaming == .both)
        #expect(RPC.snapshot.row.streaming == .server)
        #expect(Services.rpc(gatewayPath: "/v3/kv/lease/revoke") == .leaseRevoke)
        #expect(Services.rpc(path: "/etcdserverpb.KV/Nope") == nil)
    }

    @Test func `unknown paths are answered as gRPC does`() {
        let method = Services.unknown(path: "/etcdserverpb.KV/Nope")
        #expect(method.code == 12)
        #expect(method.text == "unknown method Nope for service etcdserverpb.KV")
        #expect(Services.unknown(path: "/x.Y/Z").text == "unknown service x.Y")
        #expect(Services.unknown(path: "/x.Y/Z/W").text == "unknown service x.Y/Z")
        #expect(Services.unknown(path: "nonsense").code == 12)
    }

    @Test func `errors have etcd's code and text`() {
        #expect(EtcdError.emptyKey.code == 3)
        #expect(EtcdError.emptyKey.text == "etcdserver: key is not provided")
        #expect(EtcdError.compacted.code == 11)
        #expect(EtcdError.noSpace.text == "etcdserver: mvcc: database space exceeded")
        #expect(EtcdError.memberNotEnoughStarted.code == 2)
        #expect(EtcdError.tooManyRequests.code == 2)
        #expect(EtcdError.requestCancelled.text == "etcdserver: request cancelled")
        #expect(
            EtcdError.messageTooLarge(count: 9, limit: 4).text
                == "grpc: received message larger than max (9 vs. 4)")
        #expect(EtcdError(text: "etcdserver: no leader") == .noLeader)
        #expect(EtcdError(text: "nothing of the kind") == nil)
        #expect(Set(EtcdError.plain).count == EtcdError.plain.count)
    }

    @Test func `a refused watch tells the code by name`() {
        #expect(
            WatchCancelReason.refused(.permissionDenied).text
                == "rpc error: code = PermissionDenied desc = etcdserver: permission denied")
        #expect(
            WatchCancelReason.negativeRevision.text
                == "etcdserver: mvcc: required revision has been compacted")
    }
}
