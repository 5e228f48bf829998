# SPDX-License-Identifier: Apache-2.0
"""The end of a cluster, and one that has no operator."""
import os
import re
import time

from kubectl import expect
from second_day.cluster import Cluster, is_ready
from second_day.etcd import Watcher, Writer
from second_day.play import note
from second_day.world import ROOT


def deletion_takes_the_disks_along(play):
    c = Cluster(play.world, "brief", 3, policy="Delete")
    c.writes_go_on()
    c.stop()
    others = {one["metadata"]["uid"] for one in c.world.all("persistentvolumeclaims")
              if not one["metadata"]["name"].startswith("data-brief-")}
    c.world.k("delete", "etcdcluster", "brief", "--timeout=60s", limit=70)
    c.world.until("nothing is left", lambda: not any(
        one["metadata"]["name"].startswith(("brief", "data-brief"))
        for kind in ["persistentvolumeclaims", "pods", "services", "configmaps", "secrets",
                     "statefulsets", "poddisruptionbudgets", "serviceaccounts"]
        for one in c.world.all(kind)), 60)
    left = {one["metadata"]["uid"] for one in c.world.all("persistentvolumeclaims")}
    expect(others <= left, "disks of another cluster are gone")
    # A cluster of the same name begins anew.
    c.world.apply(c.spec)
    c.steady(3, limit=90)
    expect(not c.members()[0].keys("count/"), "old data came back")
    c.delete()


def a_dead_cluster_can_be_deleted(play):
    c = Cluster(play.world, "dead", 3, policy="Delete", writes=False)
    c.stop()
    c.patch({"image": "nobody:broken"})
    for pod in c.pods():
        c.world.k("delete", "pvc", "data-" + pod, "--wait=false")
    c.world.k("delete", "pod", *c.pods(), "--wait=false")
    c.world.until("nobody answers", lambda: not c.list(), 30)
    begun = time.monotonic()
    c.world.k("delete", "etcdcluster", "dead", "--timeout=30s", limit=40)
    note("gone after %.1f s" % (time.monotonic() - begun))
    c.world.until("nothing is left", lambda: not any(
        one["metadata"]["name"].startswith(("dead-", "data-dead"))
        for kind in ["persistentvolumeclaims", "pods"] for one in c.world.all(kind)), 60)
    c.world.clusters.remove(c)


def a_plain_stateful_set(play):
    w = play.world
    with open(os.path.join(ROOT, "Manifests/statefulset/keelson.yaml"), encoding="utf-8") as file:
        manifest = re.sub(r"image: keelson:.*", "image: keelson:dev", file.read())
    w.apply(manifest)
    c = Plain(w, "keelson")
    try:
        w.until("three ready members", c.is_whole, 90)
        c.start()
        c.writes_go_on()
        ids = c.ids()
        for _ in range(2):
            leader = c.wait_leader()
            uid = c.pod_uid(leader)
            w.k("delete", "pod", leader)
            w.until("%s is back" % leader, lambda x=leader, u=uid: c.pod_uid(x) not in (None, u)
                    and c.is_whole(), 60)
        c.writes_go_on()
        uids = c.pod_uids()
        w.k("delete", "pod", *c.pods())
        w.until("all are back", lambda: not set(uids.values()) & set(c.pod_uids().values())
                and c.is_whole(), 60)
        c.writes_go_on()
        uids = c.pod_uids()
        w.k("rollout", "restart", "statefulset/keelson")
        w.k("rollout", "status", "statefulset/keelson", "--timeout=90s", limit=100)
        expect(not set(uids.values()) & set(c.pod_uids().values()), "not every pod is new")
        c.writes_go_on()
        expect(c.ids() == ids, "another list of members")
        c.one_cluster()
        c.prove()
    finally:
        c.stop()
        w.k("delete", "-f", "-", given=manifest, limit=60)
        w.k("delete", "pvc", *["data-" + pod for pod in c.pods()])
        w.clusters.remove(c)


class Plain(Cluster):
    """Members that nobody but a StatefulSet looks after."""

    def __init__(self, world, name):  # pylint: disable=super-init-not-called
        self.world = world
        self.name = name
        self.peers = name + "-peers"
        self.ordinals = range(3)
        self.writer = self.watcher = None
        world.clusters.append(self)

    def start(self):
        self.watcher, self.writer = Watcher(self.members), Writer(self.members)

    def is_whole(self):
        return all(is_ready(self.pod(pod)) for pod in self.pods()) and len(self.ids()) == 3
