// SPDX-License-Identifier: Apache-2.0
import Formats
import Testing

@testable import Kube

@Suite struct ExchangeTests {
    @Test func `paths are those of the API`() {
        #expect(
            KubeRequest.path(.statefulSet, namespace: "ns", name: "demo", subresource: "status")
                == "/apis/apps/v1/namespaces/ns/statefulsets/demo/status")
        #expect(KubeRequest.path(.pod) == "/api/v1/pods")
        #expect(KubeRequest.path(.node, namespace: "ns", name: "a") == "/api/v1/nodes/a")
    }

    @Test func `queries are encoded`() throws {
        let request = KubeRequest.list(
            .pod, namespace: "ns", labelSelector: LabelSelector(text: "a in (b,c)"), limit: 500,
            continueToken: "x+/=")
        #expect(
            request.target
                == "/api/v1/namespaces/ns/pods?labelSelector=a%20in%20%28b%2Cc%29&limit=500&"
                + "continue=x%2B%2F%3D")
        let query = try #require(request.target.split(separator: "?").last)
        let pairs = try #require(PercentCoding.query(query))
        #expect(pairs.elementsEqual(request.query, by: ==))
        #expect(PercentCoding.decode("a%2") == nil)
        #expect(PercentCoding.decode("a%zz") == nil)
        #expect(PercentCoding.decode("a+b", plusIsBlank: true) == "a b")
    }

    @Test func `a watch says from where`() {
        let request = KubeRequest.watch(.lease, namespace: "ns", from: "12", timeoutSeconds: 290)
        #expect(request.query("watch") == "true")
        #expect(request.query("resourceVersion") == "12")
        #expect(request.query("allowWatchBookmarks") == "true")
        #expect(request.query("timeoutSeconds") == "290")
    }

    @Test func `deletions carry their conditions`() throws {
        let options = DeleteOptions(
            gracePeriodSeconds: 0, propagationPolicy: "Orphan", uid: "u", resourceVersion: "3")
        let request = KubeRequest.delete(ObjectKey(.pod, namespace: "ns", name: "p"), options)
        #expect(request.method == "DELETE")
        #expect(DeleteOptions(try JSON.parse(request.body)) == options)
        let eviction = KubeRequest.evict(ObjectKey(.pod, namespace: "ns", name: "p"), uid: "u")
        #expect(eviction.path == "/api/v1/namespaces/ns/pods/p/eviction")
        let body = try JSON.parse(eviction.body)
        #expect(body["deleteOptions"]?["preconditions"]?["uid"] == "u")
    }

    @Test func `an apply is a patch by its owner`() {
        var object = KubeObject(.configMap, namespace: "ns", name: "c")
        object["metadata", "managedFields"] = []
        let request = KubeRequest.apply(object, as: .configMap, fieldManager: "me", force: true)
        #expect(request.method == "PATCH")
        #expect(request.header("content-type") == "application/apply-patch+yaml")
        #expect(request.query.elementsEqual([("fieldManager", "me"), ("force", "true")], by: ==))
        #expect(!String(decoding: request.body, as: UTF8.self).contains("managedFields"))
        #expect(PatchType(contentType: "application/merge-patch+json; charset=utf-8") == .merge)
    }

    @Test func `refusals survive a round`() throws {
        let errors: [StatusError] = [
            .notFound(.pod, "x"), .alreadyExists(.statefulSet, "x"), .conflict(.etcdCluster, "x"),
            .invalid(
                .etcdCluster, "x",
                causes: [
                    StatusCause(
                        field: "spec.replicas", reason: "FieldValueInvalid",
                        message: "Invalid value: 2: must be odd")
                ]), .forbidden(.secret, "", "no"), .expired(), .tooOld(1, current: 9),
            .tooManyRequests("slow down", retryAfter: 3), .unauthorized,
        ]
        for error in errors {
            var thrown: StatusError?
            do throws(StatusError) {
                _ = try KubeResponse.failure(error).object()
            } catch {
                thrown = error
            }
            let found = try #require(thrown)
            #expect(found.code == error.code && found.reason == error.reason)
            #expect(found.message == error.message && found.retryAfter == error.retryAfter)
        }
        #expect(errors[1].message == #"statefulsets.apps "x" already exists"#)
        #expect(
            errors[3].message
                == #"EtcdCluster.keelson.dev "x" is invalid: spec.replicas: Invalid value: 2: must be odd"#
        )
    }

    @Test func `proxies refuse without a status`() {
        let response = KubeResponse(
            code: 503, headers: [("retry-after", "2")], body: Array("upstream gone".utf8))
        #expect(throws: StatusError.self) { try response.object() }
        do throws(StatusError) {
            _ = try response.list()
        } catch {
            #expect(error.code == 503 && error.retryAfter == 2 && error.message == "upstream gone")
        }
    }

    @Test func `items of a list know their kind`() throws {
        let body = #"""
            {"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"t"},
             "items":[{"metadata":{"name":"a"}}]}
            """#
        let list = try KubeResponse(code: 200, body: Array(body.utf8)).list()
        #expect(list.resourceVersion == "9" && list.continueToken == "t")
        #expect(list.items.first?.key?.kind == .pod)
        #expect(KubeList(list.json(as: .pod)) == list)
    }
}
