# SPDX-License-Identifier: Apache-2.0
"""Members as the stories see them from outside: the gateway's JSON, asked at a pod's address.

    Member    one pod of a cluster, found by its name in the sandbox's hosts
    Writer    one write after the other; what was acknowledged is kept
    Watcher   asks for member lists all the time, and keeps what must never be seen
"""
import base64
import http.client
import json
import os
import threading
import time


class Silent(Exception):
    """Nobody answered, or not in time: what was asked may have happened or not."""


class Refused(Exception):
    """The member answered, and said no."""


def text(encoded):
    return base64.b64decode(encoded or "").decode()


def coded(plain):
    return base64.b64encode(plain.encode()).decode()


class Names:
    """The file like /etc/hosts that the sandbox keeps."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "hosts")

    def address(self, name):
        try:
            with open(self.path, encoding="utf-8") as lines:
                for line in lines:
                    words = line.split()
                    if name in words[1:]:
                        return words[0]
        except OSError:
            pass
        return None


class Member:
    def __init__(self, names, pod, peers, namespace):
        self.names = names
        self.pod = pod
        self.host = "%s.%s.%s.svc" % (pod, peers, namespace)

    def ask(self, path, body=None, limit=1.0):
        address = self.names.address(self.host)
        if not address:
            raise Silent("%s has no address" % self.pod)
        connection = http.client.HTTPConnection(address, 2379, timeout=limit)
        try:
            connection.request("POST", path, json.dumps(body or {}))
            response = connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Silent("%s: %s" % (self.pod, error)) from None
        finally:
            connection.close()
        try:
            parsed = json.loads(answer or b"{}")
        except ValueError:
            raise Silent("%s answered half" % self.pod) from None
        if status != 200:
            raise Refused("%s: %s" % (self.pod, parsed.get("message") or parsed.get("error")))
        return parsed

    def put(self, key, value, limit=1.0):
        return self.ask("/v3/kv/put", {"key": coded(key), "value": coded(value)}, limit)

    def get(self, key, serializable=False):
        found = self.ask("/v3/kv/range", {"key": coded(key), "serializable": serializable})
        return text(found["kvs"][0].get("value")) if found.get("kvs") else None

    def keys(self, prefix, limit=10.0):
        """What this member itself holds, whatever the others do."""
        last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        found = self.ask(
            "/v3/kv/range", {"key": coded(prefix), "range_end": coded(last), "keys_only": True,
                             "serializable": True}, limit)
        return {text(pair["key"]) for pair in found.get("kvs", [])}

    def status(self):
        return self.ask("/v3/maintenance/status")

    def hash(self, revision):
        return self.ask("/v3/maintenance/hash", {"revision": revision}, 10.0)

    def members(self, linearizable=True):
        return self.ask("/v3/cluster/member/list", {"linearizable": linearizable})


class Writer:
    """Writes to the members in turn until it is ended; not faster than needed to see a gap."""

    PAUSE = 0.01

    def __init__(self, members):
        self.members = members
        self.acknowledged = []  # (key, seconds)
        self.refusals = {}
        self.end = threading.Event()
        self.still = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        number = 0
        while not self.end.is_set():
            if self.still.is_set():
                self.end.wait(0.02)
                continue
            with self.lock:
                number += 1
                key = "count/%06d" % number
                try:
                    self.members()[number % 3].put(key, key)
                    self.acknowledged.append((key, time.monotonic()))
                except Silent:
                    pass
                except Refused as error:
                    words = str(error).split(": ", 1)[-1]
                    self.refusals[words] = self.refusals.get(words, 0) + 1
            self.end.wait(self.PAUSE)

    def count(self):
        return len(self.acknowledged)

    def longest_gap(self, since):
        times = [moment for _, moment in self.acknowledged if moment >= since]
        return max((after - before for before, after in zip(times, times[1:])), default=0.0)

    def hold(self):
        """When this returns no write is under way."""
        self.still.set()
        with self.lock:
            pass

    def go_on(self):
        self.still.clear()

    def stop(self):
        self.end.set()
        self.thread.join(10)


class Watcher:
    """At every moment and on every member: one learner at most, and one cluster."""

    def __init__(self, members):
        self.members = members
        self.wrong = []
        self.clusters = set()
        self.seen_learners = set()
        self.looks = 0
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.end.is_set():
            for member in self.members():
                try:
                    answer = member.members(linearizable=False)
                except (Silent, Refused):
                    continue
                self.looks += 1
                self.clusters.add(answer["header"]["cluster_id"])
                learners = [one["ID"] for one in answer["members"] if one.get("isLearner")]
                self.seen_learners.update(learners)
                if len(learners) > 1:
                    self.wrong.append("%s lists %d learners" % (member.pod, len(learners)))
            self.end.wait(0.1)

    def stop(self):
        self.end.set()
        self.thread.join(10)
