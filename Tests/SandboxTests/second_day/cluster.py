# SPDX-License-Identifier: Apache-2.0
"""One EtcdCluster with a writer and a watcher beside it, and what must hold of it."""
import json
import re
import time

from kubectl import Failure, expect
from second_day.etcd import Member, Refused, Silent, Watcher, Writer
from second_day.world import NAMESPACE

SPEC = """
apiVersion: keelson.dev/v1alpha1
kind: EtcdCluster
metadata: {name: %(name)s}
spec:
  replicas: %(replicas)d
  image: keelson:dev
  tls: {mode: Disabled}
  storage: {size: 1Gi}
  options: {quotaBackendBytes: 16Mi}
  updateStrategy: {pauseBetween: 1s}
  repair: {podUnavailableTimeout: 30s}
  progressDeadlineSeconds: 30
  deletionPolicy: %(policy)s
%(more)s
"""


class Cluster:
    def __init__(self, world, name, replicas=3, policy="Retain", more="", writes=True):
        self.world = world
        self.name = name
        self.peers = name + "-peers"
        self.spec = SPEC % {"name": name, "replicas": replicas, "policy": policy, "more": more}
        self.ordinals = range(replicas)
        world.clusters.append(self)
        world.apply(self.spec)
        self.writer = self.watcher = None
        self.steady(replicas, limit=90)
        self.watcher = Watcher(self.members)
        self.writer = Writer(self.members) if writes else None

    def pods(self):
        return ["%s-%d" % (self.name, number) for number in self.ordinals]

    def members(self):
        return [self.member(pod) for pod in self.pods()]

    def member(self, pod):
        return Member(self.world.names, pod, self.peers, NAMESPACE)

    def object(self):
        return self.world.one("etcdclusters", self.name)

    def status(self):
        return (self.object() or {}).get("status", {})

    def condition(self, kind):
        for one in self.status().get("conditions", []):
            if one["type"] == kind:
                return one
        return {"status": "", "reason": "", "message": ""}

    def operation(self):
        operation = self.status().get("operation", {})
        return operation.get("type"), operation.get("step")

    def pod(self, name):
        return self.world.one("pods", name)

    def pod_uid(self, name):
        return (self.pod(name) or {}).get("metadata", {}).get("uid")

    def claim_uid(self, pod):
        claim = self.world.one("persistentvolumeclaims", "data-" + pod)
        return (claim or {}).get("metadata", {}).get("uid")

    def pod_uids(self):
        return {pod: self.pod_uid(pod) for pod in self.pods()}

    def claim_uids(self):
        return {pod: self.claim_uid(pod) for pod in self.pods()}

    def annotate(self, key, value):
        mark = "keelson.dev/%s" % key
        words = mark + "-" if value is None else "%s=%s" % (mark, value)
        self.world.k("annotate", "etcdcluster", self.name, words, "--overwrite")

    def patch(self, spec):
        self.world.k(
            "patch", "etcdcluster", self.name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def scale(self, count):
        self.world.k("scale", "etcdcluster", self.name, "--replicas=%d" % count)

    # ---- What can be seen

    def list(self):
        """Members by name, from a quorum; the role and the ID of each."""
        for member in self.members():
            try:
                answer = member.members()
            except (Silent, Refused):
                continue
            return {
                one.get("name") or one["peerURLs"][0]: (one.get("isLearner", False), one["ID"])
                for one in answer["members"]
            }
        return {}

    def ids(self):
        return {name: number for name, (_, number) in self.list().items()}

    def cluster_id(self):
        return self.status().get("clusterID")

    def leader(self):
        """The pod that leads, as all that answer agree; nil if they do not."""
        named = set()
        for member in self.members():
            try:
                status = member.status()
            except (Silent, Refused):
                continue
            named.add(status.get("leader", "0"))
        ids = {number: name for name, number in self.ids().items()}
        return ids.get(named.pop()) if len(named) == 1 else None

    def wait_leader(self, besides=None):
        found = []

        def leads():
            name = self.leader()
            if name and name != besides:
                found.append(name)
            return bool(found)

        self.world.until("a leader", leads, 20)
        return found[-1]

    def is_steady(self, count):
        cluster = self.object()
        status = cluster.get("status", {})
        reasons = {one["type"]: one["reason"] for one in status.get("conditions", [])}
        return (
            status.get("observedGeneration") == cluster["metadata"]["generation"]
            and reasons.get("Progressing") == "Steady" and not status.get("operation")
            and status.get("voters") == count and status.get("readyReplicas") == count
            and reasons.get("Available") == "QuorumAnswers"
            and reasons.get("MembersReady") == "AllHealthy")

    def steady(self, count=None, limit=60):
        """The operator has nothing to do, and what is there is what was asked for."""
        count = len(self.ordinals) if count is None else count
        self.ordinals = range(max(count, len(self.ordinals)))
        try:
            self.world.until("%s is steady with %d" % (self.name, count),
                             lambda: self.is_steady(count), limit)
        except Failure as failure:
            progress = self.condition("Progressing")
            raise Failure("%s; %s: %s" % (
                failure, progress["reason"], progress["message"])) from None
        self.ordinals = range(count)
        wanted = set(self.pods())
        found = self.list()
        expect(set(found) == wanted, "members are %s" % sorted(found))
        expect(not any(role for role, _ in found.values()), "a learner is left")
        prefix = "data-%s-" % self.name
        claims = {one["metadata"]["name"] for one in self.world.all("persistentvolumeclaims")
                  if re.fullmatch(prefix + r"\d+", one["metadata"]["name"])}
        expect(claims == {"data-" + pod for pod in wanted}, "claims are %s" % sorted(claims))

    def has_event(self, reason):
        return bool(self.world.events(self.name, reason))

    def versions(self):
        """Of the cluster and of all that belongs to it."""
        found = {"cluster": self.object()["metadata"]["resourceVersion"]}
        for resource in ["statefulsets", "services", "configmaps", "secrets", "serviceaccounts",
                         "poddisruptionbudgets", "persistentvolumeclaims"]:
            for one in self.world.all(resource):
                if one["metadata"]["name"].startswith((self.name, "data-" + self.name)):
                    key = "%s/%s" % (resource, one["metadata"]["name"])
                    found[key] = one["metadata"]["resourceVersion"]
        return found

    def is_left_alone(self, seconds=3.0):
        """Nothing is written for a while: the world as asked for is not touched."""
        end = time.monotonic() + seconds
        before = self.versions()
        while time.monotonic() < end:
            now = self.versions()
            changed = sorted(key for key in set(before) | set(now)
                             if before.get(key) != now.get(key))
            expect(not changed, "written although nothing was asked: %s" % ", ".join(changed))
            time.sleep(0.2)

    # ---- What must hold

    def prove(self):
        """Every acknowledged write is on every member, and all hold the same."""
        if self.writer:
            self.writer.hold()
        try:
            if self.writer:
                wanted = {key for key, _ in self.writer.acknowledged}
                for member in self.members():
                    self.world.until(
                        "%s holds %d acknowledged writes" % (member.pod, len(wanted)),
                        lambda one=member: self.holds(one, wanted), 15)
            self.world.until("all members hold the same", self.is_same_everywhere, 15)
        finally:
            if self.writer:
                self.writer.go_on()
        if self.watcher:
            expect(not self.watcher.wrong, "; ".join(self.watcher.wrong[:3]))

    def holds(self, member, wanted):
        try:
            return wanted <= member.keys("count/")
        except (Silent, Refused):
            return False

    def is_same_everywhere(self):
        try:
            revision = max(int(one.status()["header"]["revision"]) for one in self.members())
            return len({one.hash(revision)["hash"] for one in self.members()}) == 1
        except (Silent, Refused):
            return False

    def one_cluster(self):
        expect(len(self.watcher.clusters) == 1, "clusters were seen: %s" % self.watcher.clusters)

    def writes_go_on(self, limit=20):
        before = self.writer.count()
        self.world.until("acknowledged writes", lambda: self.writer.count() >= before + 10, limit)

    def stop(self):
        for one in [self.writer, self.watcher]:
            if one:
                one.stop()
        self.writer = self.watcher = None

    def delete(self):
        """The cluster and its disks, whatever its policy."""
        self.stop()
        self.world.k("delete", "etcdcluster", self.name, "--wait=false", "--ignore-not-found")
        self.world.until("%s is gone" % self.name, lambda: self.object() is None, 60)
        self.world.until("its pods are gone", lambda: not any(
            one["metadata"]["name"].startswith(self.name + "-")
            for one in self.world.all("pods")), 60)
        for one in self.world.all("persistentvolumeclaims"):
            if one["metadata"]["name"].startswith("data-%s-" % self.name):
                self.world.k("delete", "pvc", one["metadata"]["name"])
        self.world.clusters.remove(self)


def restarts(pod):
    return sum(one["restartCount"] for one in pod["status"].get("containerStatuses", []))


def is_ready(pod):
    if not pod:
        return False
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def answers(member):
    try:
        return bool(member.status())
    except (Silent, Refused):
        return False
