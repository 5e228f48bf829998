# SPDX-License-Identifier: Apache-2.0
"""The cluster that most stories share."""
import time

from kubectl import Failure
from second_day.cluster import Cluster


def note(text):
    print("      %s" % text, flush=True)


class Play:
    """One world; most stories play on one cluster, which is made when the first needs it."""

    def __init__(self, world):
        self.world = world
        self.number = 0
        self.cluster = None

    def demo(self):
        """Three members, steady, with a writer."""
        if self.cluster is None:
            self.number += 1
            start = time.monotonic()
            self.cluster = Cluster(self.world, "demo%d" % self.number)
            note("a cluster of three members in %.1f s" % (time.monotonic() - start))
        self.cluster.writes_go_on()
        return self.cluster

    def give_up(self):
        """After a failure the next story begins with a cluster of its own."""
        cluster, self.cluster = self.cluster, None
        if cluster:
            try:
                cluster.delete()
            except Failure as failure:
                note("left behind: %s" % failure)
