#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real kubectl against keelson-sandbox, with pods of the shell and of plain tools.

usage: kubectl.py SANDBOX [NAME...]     SANDBOX is the program; NAMEs choose cases

Everything happens in one temporary folder, on addresses of the loopback, and ends with the test.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

LIMIT = 30  # seconds for one call of kubectl


class Failure(Exception):
    pass


class Stage:
    """A running sandbox."""

    def __init__(self, program, *flags):
        self.folder = tempfile.mkdtemp(prefix="keelson-sandbox-")
        self.kubeconfig = os.path.join(self.folder, "kubeconfig")
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.program = program
        self.dir = os.path.join(self.folder, "sandbox")
        self.process = subprocess.Popen(
            [program, "run", "--dir", self.dir, "--kubeconfig", self.kubeconfig, "--verbose",
             *flags],
            stdout=self.log, stderr=self.log, start_new_session=True)
        self.until("the sandbox is ready", lambda: self.said("\nready"))

    def said(self, text):
        if self.process.poll() is not None:
            raise Failure("the sandbox ended:\n" + self.tail())
        with open(self.log.name, encoding="utf-8", errors="replace") as log:
            return text in log.read()

    def tail(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-20:])

    def until(self, what, condition, limit=LIMIT):
        deadline = time.monotonic() + limit
        while not condition():
            if time.monotonic() > deadline:
                raise Failure("not within %d s: %s" % (limit, what))
            time.sleep(0.05)

    def call(self, *words, given=None, limit=LIMIT):
        environment = dict(os.environ, KUBECONFIG=self.kubeconfig, HOME=self.folder)
        try:
            return subprocess.run(
                ["kubectl", *words], input=given, capture_output=True, text=True, timeout=limit,
                env=environment)
        except subprocess.TimeoutExpired:
            raise Failure("kubectl %s: no end within %d s" % (" ".join(words), limit)) from None

    def kubectl(self, *words, given=None, limit=LIMIT):
        """The output of a call that must work."""
        done = self.call(*words, given=given, limit=limit)
        if done.returncode != 0:
            raise Failure("kubectl %s: %s" % (" ".join(words), done.stderr.strip()))
        return done.stdout

    def refused(self, *words, because, given=None):
        """A call that must fail, and say why."""
        done = self.call(*words, given=given)
        if done.returncode == 0:
            raise Failure("kubectl %s was not refused" % " ".join(words))
        if because not in done.stderr + done.stdout:
            raise Failure("kubectl %s said: %s" % (" ".join(words), done.stderr.strip()))

    def order(self, *words):
        done = subprocess.run(
            [self.program, *words, "--dir", self.dir], capture_output=True, text=True,
            timeout=LIMIT)
        if done.returncode != 0:
            raise Failure("%s: %s" % (" ".join(words), done.stderr.strip()))
        return done.stdout

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def apply(self, text, *flags):
        return self.kubectl("apply", *flags, "-f", "-", given=text)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure("the sandbox does not end") from None
        finally:
            self.log.close()
        if code != 0:
            raise Failure("the sandbox ended with %d:\n%s" % (code, self.tail()))


def expect(condition, text):
    if not condition:
        raise Failure(text)


def pod(name, script, extra="", container=""):
    return """
apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {app: %s}}
spec:
  terminationGracePeriodSeconds: 2
  %s
  containers:
  - name: main
    image: busybox
    command: [sh, -c, %s]
    %s
""" % (name, name, extra, json.dumps(script), container)


SLEEP = "trap 'exit 0' TERM; while :; do sleep 0.05; done"


def statefulset(name, replicas=3, script=SLEEP, kind="Parallel"):
    return """
apiVersion: v1
kind: Service
metadata: {name: %(name)s}
spec: {clusterIP: None, selector: {app: %(name)s}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: %(name)s}
spec:
  serviceName: %(name)s
  replicas: %(replicas)d
  podManagementPolicy: %(kind)s
  selector: {matchLabels: {app: %(name)s}}
  template:
    metadata: {labels: {app: %(name)s}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - {name: main, image: busybox, command: [sh, -c, %(script)s],
         volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
""" % {"name": name, "replicas": replicas, "script": json.dumps(script), "kind": kind}


# ---- Cases


def versions_and_discovery(s):
    expect("Server Version: v1." in s.kubectl("version"), "no version of the server")
    names = s.kubectl("api-resources", "-o", "name").split()
    for name in ["pods", "statefulsets.apps", "jobs.batch", "leases.coordination.k8s.io"]:
        expect(name in names, "%s is not among the resources" % name)
    expect(s.kubectl("get", "--raw", "/readyz").strip() == "ok", "not ready")
    table = s.kubectl("get", "nodes").split("\n")
    expect(table[0].split()[:3] == ["NAME", "STATUS", "ROLES"], table[0])
    expect(len(table) == 5 and " Ready " in table[1], "\n".join(table))
    expect("default" in s.kubectl("get", "namespaces"), "no default namespace")
    # Nothing is older than the sandbox, and nothing is of tomorrow.
    made = time.mktime(time.strptime(
        s.get("namespace", "default")["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ"))
    expect(abs(made - time.mktime(time.gmtime())) < 120, "the clock is wrong")


def apply_in_both_ways(s):
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c1}\ndata: {a: '%s'}\n"
    expect("created" in s.apply(text % "1"), "not created")
    expect("unchanged" in s.apply(text % "1"), "not unchanged")
    expect("configured" in s.apply(text % "2"), "not configured")
    expect(s.get("cm", "c1")["data"] == {"a": "2"}, "wrong data")
    expect("serverside-applied" in s.apply(text.replace("c1", "c2") % "3", "--server-side"), "")
    s.refused(
        "apply", "--server-side", "--field-manager=other", "-f", "-",
        given=text.replace("c1", "c2") % "4", because="conflict")
    s.apply(text.replace("c1", "c2") % "4", "--server-side", "--field-manager=other",
            "--force-conflicts")
    s.kubectl("patch", "cm", "c1", "--type=merge", "-p", '{"data":{"b":"5"}}')
    s.kubectl("patch", "cm", "c1", "--type=json",
              "-p", '[{"op":"remove","path":"/data/a"}]')
    expect(s.get("cm", "c1")["data"] == {"b": "5"}, "wrong data after patches")
    s.kubectl("label", "cm", "c1", "x=y")
    s.kubectl("annotate", "cm", "c1", "p=q")
    expect("c1" in s.kubectl("get", "cm", "-l", "x=y", "-o", "name"), "not found by label")
    s.refused("apply", "-f", "-", given="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: X_}\n",
              because="Invalid value")
    s.refused("apply", "-f", "-", given="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: z}\n"
              "daten: {a: b}\n", because="unknown field")
    s.kubectl("delete", "cm", "c1", "c2")
    s.refused("get", "cm", "c1", because="NotFound")


def a_pod_lives_and_dies(s):
    s.apply(pod("one", "echo hello; echo more; " + SLEEP))
    s.kubectl("wait", "pod/one", "--for=condition=Ready", "--timeout=20s")
    expect(s.kubectl("logs", "one") == "hello\nmore\n", "wrong log")
    expect(s.kubectl("logs", "one", "--tail=1") == "more\n", "wrong tail")
    row = s.kubectl("get", "pod", "one", "--no-headers").split()
    expect(row[:4] == ["one", "1/1", "Running", "0"], str(row))
    described = s.kubectl("describe", "pod", "one")
    for text in ["Successfully assigned", "Started container main", "IP: 127."]:
        expect(text in " ".join(described.split()), "describe does not say: " + text)
    start = time.monotonic()
    s.kubectl("delete", "pod", "one")
    expect(time.monotonic() - start < 10, "the deletion took too long")
    s.refused("get", "pod", "one", because="NotFound")


def a_pod_that_ends_tells_how(s):
    s.apply(pod("end", "echo why > /dev/termination-log; exit 3", "restartPolicy: Never"))
    s.kubectl("wait", "pod/end", "--for=jsonpath={.status.phase}=Failed", "--timeout=20s")
    ending = s.get("pod", "end")["status"]["containerStatuses"][0]["state"]["terminated"]
    expect(ending["exitCode"] == 3, str(ending))
    expect(ending["message"] == "why\n", str(ending))
    s.kubectl("delete", "pod", "end")


def a_pod_that_fails_is_restarted(s):
    s.apply(pod("again", "echo run; exit 1"))
    s.until("a restart", lambda: s.get("pod", "again")["status"]["containerStatuses"][0]
            ["restartCount"] >= 2)
    row = s.kubectl("get", "pod", "again", "--no-headers").split()
    expect("CrashLoopBackOff" in row or "Error" in row, str(row))
    expect(s.kubectl("logs", "again", "--previous") == "run\n", "no previous log")
    s.kubectl("delete", "pod", "again")


def commands_in_a_pod(s):
    s.apply(pod("box", SLEEP, container="env: [{name: WHO, value: me}]"))
    s.kubectl("wait", "pod/box", "--for=condition=Ready", "--timeout=20s")
    for _ in range(5):
        expect(s.kubectl("exec", "box", "--", "sh", "-c", "echo $WHO") == "me\n", "exec")
    expect(s.kubectl("exec", "-i", "box", "--", "cat", given="in and out") == "in and out", "cat")
    done = s.call("exec", "box", "--", "sh", "-c", "echo bad >&2; exit 7")
    expect(done.returncode == 7 and "bad" in done.stderr, "%d %s" % (done.returncode, done.stderr))
    large = s.kubectl("exec", "box", "--", "sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x")
    expect(len(large) == 300000, "%d bytes came" % len(large))
    s.refused("exec", "box", "--", "no-such-program", because="not found")
    s.refused("port-forward", "box", "8080", because="port-forward")
    s.kubectl("delete", "pod", "box")


def following_a_log(s):
    s.apply(pod("talk", "i=0; while [ $i -lt 5 ]; do i=$((i+1)); echo line $i; sleep 0.2; done",
                "restartPolicy: Never"))
    s.until("the pod runs", lambda: s.get("pod", "talk")["status"].get("phase") != "Pending")
    text = s.kubectl("logs", "-f", "talk")
    expect(text == "".join("line %d\n" % i for i in range(1, 6)), text)
    s.kubectl("delete", "pod", "talk")


def volumes_follow_their_objects(s):
    s.kubectl("create", "configmap", "conf", "--from-literal=key=old")
    s.kubectl("create", "secret", "generic", "sec", "--from-literal=pass=word")
    s.apply(pod("vol", SLEEP, """
  volumes:
  - {name: conf, configMap: {name: conf}}
  - {name: sec, secret: {secretName: sec}}
  - {name: me, downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}
  - {name: tmp, emptyDir: {}}""", """
    volumeMounts:
    - {name: conf, mountPath: /etc/conf}
    - {name: sec, mountPath: /etc/sec}
    - {name: me, mountPath: /etc/me}
    - {name: tmp, mountPath: /scratch}
    env:
    - {name: PASS, valueFrom: {secretKeyRef: {name: sec, key: pass}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: BOTH, value: $(PASS)-$(NODE)}"""))
    s.kubectl("wait", "pod/vol", "--for=condition=Ready", "--timeout=20s")
    read = lambda path: s.kubectl("exec", "vol", "--", "cat", path)
    expect(read("/etc/conf/key") == "old", "configMap")
    expect(read("/etc/sec/pass") == "word", "secret")
    expect(read("/etc/me/name") == "vol", "downwardAPI")
    both = s.kubectl("exec", "vol", "--", "sh", "-c", "echo $BOTH").strip()
    expect(both.startswith("word-worker-"), both)
    s.kubectl("exec", "vol", "--", "sh", "-c", "echo x > /scratch/file")
    s.kubectl("patch", "configmap", "conf", "-p", '{"data":{"key":"new"}}')
    s.until("the file changes", lambda: read("/etc/conf/key") == "new")
    s.kubectl("delete", "pod/vol", "configmap/conf", "secret/sec")


def probes_decide(s):
    s.apply(pod("probed", "rm -f /ok/x; " + SLEEP, """
  volumes: [{name: ok, emptyDir: {}}]""", """
    volumeMounts: [{name: ok, mountPath: /ok}]
    readinessProbe: {exec: {command: [test, -e, /ok/x]}, periodSeconds: 1}"""))
    s.until("the pod runs", lambda: s.get("pod", "probed")["status"].get("phase") == "Running")
    row = s.kubectl("get", "pod", "probed", "--no-headers").split()
    expect(row[1] == "0/1", str(row))
    s.kubectl("exec", "probed", "--", "touch", "/ok/x")
    s.kubectl("wait", "pod/probed", "--for=condition=Ready", "--timeout=20s")
    s.kubectl("delete", "pod", "probed")


def a_statefulset_comes_and_goes(s):
    s.apply(statefulset("web"))
    s.kubectl("rollout", "status", "statefulset/web", "--timeout=20s")
    row = s.kubectl("get", "statefulset", "web", "--no-headers").split()
    expect(row[1] == "3/3", str(row))
    s.kubectl("exec", "web-1", "--", "sh", "-c", "echo kept > /data/file")
    before = s.get("pod", "web-1")["metadata"]["uid"]
    for _ in range(3):
        s.kubectl("delete", "pod", "web-1")
        s.until("web-1 is back", lambda: s.call("wait", "pod/web-1", "--for=condition=Ready",
                                                "--timeout=5s").returncode == 0)
    expect(s.get("pod", "web-1")["metadata"]["uid"] != before, "the pod was not made anew")
    expect(s.kubectl("exec", "web-1", "--", "cat", "/data/file") == "kept\n", "data are lost")
    s.kubectl("scale", "statefulset/web", "--replicas=1")
    s.until("one pod", lambda: len(s.get("pods", "-l", "app=web")["items"]) == 1)
    s.kubectl("scale", "statefulset/web", "--replicas=3")
    s.kubectl("rollout", "status", "statefulset/web", "--timeout=20s")
    expect(s.kubectl("exec", "web-1", "--", "cat", "/data/file") == "kept\n", "data are lost")
    hosts = open(os.path.join(s.dir, "hosts"), encoding="utf-8").read()
    expect("web-2.web.default.svc" in hosts, "no name for web-2")
    s.order("wipe", "claim/data-web-1")
    s.until("web-1 is back", lambda: s.call("wait", "pod/web-1", "--for=condition=Ready",
                                            "--timeout=5s").returncode == 0)
    s.until("the file is gone",
            lambda: s.call("exec", "web-1", "--", "cat", "/data/file").returncode == 1)
    s.kubectl("delete", "statefulset/web", "service/web")
    s.until("no pods", lambda: not s.get("pods", "-l", "app=web")["items"])
    expect(len(s.get("pvc")["items"]) == 3, "claims did not stay")
    s.kubectl("delete", "pvc", "--all")
    expect(not s.get("pv")["items"], "volumes stayed")


def a_statefulset_rolls(s):
    s.apply(statefulset("roll", 2))
    s.kubectl("rollout", "status", "statefulset/roll", "--timeout=20s")
    s.kubectl("set", "env", "statefulset/roll", "NEW=1")
    s.kubectl("rollout", "status", "statefulset/roll", "--timeout=25s")
    for name in ["roll-0", "roll-1"]:
        expect(s.kubectl("exec", name, "--", "sh", "-c", "echo $NEW") == "1\n", name)
    s.kubectl("delete", "statefulset/roll", "service/roll")
    s.kubectl("delete", "pvc", "--all")


def a_deployment_rolls(s):
    s.apply("""
apiVersion: apps/v1
kind: Deployment
metadata: {name: dep}
spec:
  replicas: 2
  selector: {matchLabels: {app: dep}}
  template:
    metadata: {labels: {app: dep}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: busybox, command: [sh, -c, %s]}]
""" % json.dumps(SLEEP))
    s.kubectl("rollout", "status", "deployment/dep", "--timeout=20s")
    s.kubectl("set", "env", "deployment/dep", "NEW=1")
    s.kubectl("rollout", "status", "deployment/dep", "--timeout=25s")
    s.kubectl("scale", "deployment/dep", "--replicas=1")
    s.until("one pod", lambda: len(s.get("pods", "-l", "app=dep")["items"]) == 1)
    s.kubectl("delete", "deployment", "dep")
    s.until("no pods", lambda: not s.get("pods", "-l", "app=dep")["items"])


CRON = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  timeZone: Etc/UTC
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: busybox, command: [sh, -c, "echo worked"]}]
"""


def jobs_run_now_and_by_hand(s):
    s.apply(CRON)
    expect("0 3 * * *" in s.kubectl("get", "cronjob", "nightly"), "no schedule in the table")
    s.kubectl("create", "job", "now", "--from=cronjob/nightly")
    s.kubectl("wait", "job/now", "--for=condition=Complete", "--timeout=20s")
    expect(s.kubectl("logs", "job/now") == "worked\n", "wrong log")
    expect("1/1" in s.kubectl("get", "job", "now"), "not complete in the table")
    s.kubectl("delete", "cronjob", "nightly")
    s.until("its job is gone", lambda: not s.get("jobs")["items"])
    s.until("no pods", lambda: not s.get("pods")["items"])


def nodes_are_drained(s):
    s.apply(statefulset("calm", 3) + """
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: calm}
spec: {minAvailable: 2, selector: {matchLabels: {app: calm}}}
""")
    s.kubectl("rollout", "status", "statefulset/calm", "--timeout=20s")
    node = s.get("pod", "calm-0")["spec"]["nodeName"]
    s.until("the budget counts", lambda: s.get("pdb", "calm")["status"]["disruptionsAllowed"] == 1)
    s.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=20s")
    s.kubectl("rollout", "status", "statefulset/calm", "--timeout=20s")
    s.until("calm-0 is elsewhere",
            lambda: s.get("pod", "calm-0")["spec"].get("nodeName") not in (None, "", node))
    expect("SchedulingDisabled" in s.kubectl("get", "node", node), "not cordoned in the table")
    # A second drain must wait while a pod is away.
    s.kubectl("uncordon", node)
    s.order("kill", "pod/calm-1")
    s.kubectl("rollout", "status", "statefulset/calm", "--timeout=20s")
    s.kubectl("delete", "statefulset/calm", "service/calm", "pdb/calm")
    s.kubectl("delete", "pvc", "--all")


def a_watch_tells(s):
    lines = []

    def watch():
        environment = dict(os.environ, KUBECONFIG=s.kubeconfig, HOME=s.folder)
        with subprocess.Popen(
                ["kubectl", "get", "cm", "-w", "--output-watch-events", "--no-headers"],
                stdout=subprocess.PIPE, text=True, env=environment) as child:
            watching.append(child)
            for line in child.stdout:
                lines.append(" ".join(line.split()[:2]))

    s.kubectl("create", "configmap", "there", "--from-literal=a=b")
    watching = []
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    s.until("the watch begins", lambda: bool(watching))
    try:
        s.until("the first lines", lambda: bool(lines))
        s.kubectl("create", "configmap", "seen", "--from-literal=a=b")
        s.kubectl("delete", "configmap", "seen")
        s.until("the changes", lambda: "DELETED seen" in lines)
        expect("ADDED seen" in lines, str(lines))
    finally:
        watching[0].kill()
        thread.join(5)
        s.kubectl("delete", "configmap", "there")


def namespaces_end_with_all_in_them(s):
    s.kubectl("create", "namespace", "short")
    s.kubectl("-n", "short", "apply", "-f", "-", given=pod("inner", SLEEP))
    s.kubectl("-n", "short", "wait", "pod/inner", "--for=condition=Ready", "--timeout=20s")
    s.kubectl("delete", "namespace", "short", "--timeout=20s")
    s.refused("get", "namespace", "short", because="NotFound")


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def rendered(name):
    """Objects of a golden render of a chart, without its notes."""
    with open(os.path.join(ROOT, "Tests/ChartTests/Golden", name), encoding="utf-8") as file:
        parts = file.read().split("---\n")
    return [part for part in parts
            if any(line.startswith("apiVersion:") for line in part.splitlines())]


def definition(group, kind, plural):
    """Of a kind that somebody else installs; it takes any spec."""
    return """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %(plural)s.%(group)s}
spec:
  group: %(group)s
  scope: Namespaced
  names: {kind: %(kind)s, plural: %(plural)s, singular: %(single)s, listKind: %(kind)sList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
""" % {"group": group, "kind": kind, "plural": plural, "single": kind.lower()}


def what_we_ship_is_accepted(s):
    """Samples and charts, as an API server with our definitions sees them; nothing is written."""
    strict = ("apply", "--dry-run=server", "--validate=strict", "-f")
    s.kubectl("apply", "-f", os.path.join(ROOT, "Manifests/crds"))
    others = "---\n".join(definition("cert-manager.io", kind, plural) for kind, plural in
                          (("Issuer", "issuers"), ("Certificate", "certificates")))
    s.apply(others)
    s.until("the definitions are there", lambda: "issuers" in s.kubectl("api-resources", "-o", "name"))
    accepted = s.kubectl(*strict, os.path.join(ROOT, "Manifests/samples"))
    parts = rendered("cluster-default.txt") + rendered("cluster-everything.txt")
    everything = "---\n".join(parts).replace("namespace: shop", "namespace: default")
    accepted += s.kubectl(*strict, "-", given=everything)
    count = accepted.count("(server dry run)")
    expect(count >= 14, "only %d things are shipped: %s" % (count, accepted))
    minimal = "apiVersion: keelson.dev/v1alpha1\nkind: EtcdCluster\nmetadata: {name: odd}\nspec: "
    s.refused(*strict, "-", given=minimal + "{replica: 3}", because="replica")
    s.refused(*strict, "-", given=minimal + "{monitoring: {serviceMonitor: On}}",
              because="serviceMonitor")
    s.refused(*strict, "-", given=minimal + "{deletionPolicy: Burn}", because="Burn")
    expect(not s.get("etcdclusters")["items"], "a dry run has written something")
    s.kubectl("delete", "-f", os.path.join(ROOT, "Manifests/crds"))
    s.kubectl("delete", "-f", "-", given=others)


def what_is_not_done_is_refused(s):
    s.refused("attach", "nobody", because="not found")
    s.apply(pod("odd", SLEEP, "volumes: [{name: disk, nfs: {server: x, path: /y}}]"))
    s.until("the reason is told", lambda: "nfs" in s.kubectl("get", "events"))
    s.kubectl("delete", "pod", "odd")
    s.apply(pod("alien", SLEEP).replace("image: busybox", "image: nginx"))
    s.until("the image is refused", lambda: "ErrImagePull" in s.kubectl("get", "pod", "alien"))
    s.kubectl("delete", "pod", "alien")


CASES = [
    versions_and_discovery, apply_in_both_ways, a_pod_lives_and_dies, a_pod_that_ends_tells_how,
    a_pod_that_fails_is_restarted, commands_in_a_pod, following_a_log,
    volumes_follow_their_objects, probes_decide, a_statefulset_comes_and_goes,
    a_statefulset_rolls, a_deployment_rolls, jobs_run_now_and_by_hand, nodes_are_drained,
    a_watch_tells, namespaces_end_with_all_in_them, what_we_ship_is_accepted,
    what_is_not_done_is_refused,
]


def main():
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    if not shutil.which("kubectl"):
        print("SKIPPED: %d cases, for there is no kubectl" % len(CASES))
        return 0
    return play(CASES, sys.argv[2:], lambda: Stage(os.path.abspath(sys.argv[1])), Failure)


def play(cases, names, begin, failures, tell=lambda stage: None):
    """Cases one after the other on what `begin` makes; the exit code. `failures` are what a case may
    raise, and after one `tell` says more."""
    chosen = [case for case in cases if not names or case.__name__ in names]
    failed, stage, begun = 0, None, time.monotonic()
    try:
        stage = begin()
        for case in chosen:
            start = time.monotonic()
            try:
                case(stage)
                print("ok    %-40s %5.1f s" % (case.__name__, time.monotonic() - start), flush=True)
            except failures as failure:
                failed += 1
                print("FAIL  %s: %s" % (case.__name__, failure or type(failure)), flush=True)
                tell(stage)
    except Failure as failure:
        failed += 1
        print("FAIL  %s" % failure)
    finally:
        if stage:
            try:
                stage.end()
            except Failure as failure:
                failed += 1
                print("FAIL  %s" % failure)
            if failed:
                print("the sandbox's folder: " + stage.folder)
            else:
                shutil.rmtree(stage.folder, ignore_errors=True)
    print(("%d of %d cases failed" % (failed, len(chosen)) if failed
           else "%d cases passed" % len(chosen)) + ", %d s" % (time.monotonic() - begun))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
