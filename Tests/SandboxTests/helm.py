#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real Helm on keelson-sandbox: both charts, the operator and members as real processes.

usage: helm.py --bin FOLDER [--only NAME[,NAME...]] [--keep]

FOLDER has keelson-node, keelsonctl, keelson-operator and keelson-sandbox. The cases follow each
other: a release that one makes the next changes. Roles are evaluated (--rbac), so what the chart
gives the operator must do. The commands of docs/install.md and of the charts' notes are run as
they stand there.
"""
import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "ChartTests"))

import helm_tool  # noqa: E402
from kubectl import Failure, Stage, expect  # noqa: E402

ROOT = helm_tool.ROOT
LIMIT = 90  # seconds for one call
SYSTEM = "keelson-system"
OPERATOR = ["keelson-operator", "charts/keelson-operator", "--namespace", SYSTEM]
DEMO = ["demo", "charts/keelson-cluster", "--namespace", "shop"]


class Play:
    def __init__(self, program, programs):
        self.program = program
        self.programs = programs
        self.stage = Stage(os.path.join(programs, "keelson-sandbox"), "--bin", programs, "--rbac",
                           "--restart-delay", "1")
        self.environment = dict(
            helm_tool.surroundings(self.stage.folder), KUBECONFIG=self.stage.kubeconfig,
            KEELSON_HOSTS=os.path.join(self.stage.dir, "hosts"),
            PATH=os.path.dirname(program) + os.pathsep + os.environ.get("PATH", ""))

    def call(self, words, given=None):
        try:
            return subprocess.run(words, input=given, capture_output=True, text=True, cwd=ROOT,
                                  timeout=LIMIT, env=self.environment)
        except subprocess.TimeoutExpired:
            raise Failure("no end within %d s: %s" % (LIMIT, " ".join(words))) from None

    def run(self, *words, given=None):
        done = self.call(words, given)
        if done.returncode != 0:
            raise Failure("%s: %s" % (" ".join(words), done.stderr.strip() or done.stdout))
        return done.stdout

    def helm(self, *words):
        return self.run(self.program, *words)

    def refused(self, *words, because):
        done = self.call([self.program, *words])
        expect(done.returncode != 0, "helm %s was not refused" % " ".join(words))
        expect(because in done.stderr, "helm %s said: %s" % (" ".join(words), done.stderr.strip()))

    def shell(self, script):
        """Lines of a document, as they stand there; the first that fails ends them."""
        return self.run("bash", "-e", "-o", "pipefail", "-c", script)

    def k(self, *words):
        return self.run("kubectl", *words)

    def get(self, *words):
        return json.loads(self.k("get", *words, "-o", "json"))

    def exists(self, *words):
        return bool(self.k("get", *words, "--ignore-not-found", "-o", "name").strip())

    def until(self, what, condition, limit=LIMIT):
        self.stage.until(what, condition, limit)

    def available(self, name, namespace):
        self.k("-n", namespace, "wait", "etcd/" + name, "--for=condition=Available",
               "--timeout=%ds" % (LIMIT - 10))

    def releases(self):
        return {(one["namespace"], one["name"]): (one["revision"], one["status"])
                for one in json.loads(self.helm("list", "--all-namespaces", "--output", "json"))}

    def history(self, name, namespace):
        return [(one["revision"], one["status"]) for one in json.loads(
            self.helm("history", name, "--namespace", namespace, "--output", "json"))]

    def has_no_difference(self, name, namespace):
        """What the release says is what is there."""
        manifest = self.helm("get", "manifest", name, "--namespace", namespace)
        done = self.call(["kubectl", "diff", "-f", "-"], manifest)
        expect(done.returncode == 0, "%s differs:\n%s%s" % (name, done.stdout, done.stderr))


def commands(heading, number):
    """A block of commands beneath a heading of docs/install.md."""
    with open(os.path.join(ROOT, "docs/install.md"), encoding="utf-8") as file:
        text = file.read()
    section = re.split(r"^## ", text, flags=re.M)
    found = [part for part in section if part.startswith(heading + "\n")]
    expect(len(found) == 1, "docs/install.md has no section " + heading)
    blocks = re.findall(r"```sh\n(.*?)```", found[0], flags=re.S)
    expect(len(blocks) > number, "docs/install.md: %s has %d blocks" % (heading, len(blocks)))
    return blocks[number]


# ---- Cases


def a_cluster_before_its_definitions_is_refused(p):
    p.refused("install", *DEMO, "--create-namespace", because='no matches for kind "EtcdCluster"')
    expect(not p.releases(), "a release was made")


def the_commands_of_the_document_install_both(p):
    p.shell(commands("With Helm", 0))
    expect(p.releases() == {(SYSTEM, "keelson-operator"): ("1", "deployed"),
                            ("shop", "demo"): ("1", "deployed")}, str(p.releases()))
    deployment = p.get("deployment", "keelson-operator", "-n", SYSTEM)
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    expect(image == "registry.example/keelson:0.1.0", image)
    expect(deployment["status"]["readyReplicas"] == 2, "--wait did not wait")
    p.has_no_difference("keelson-operator", SYSTEM)
    p.has_no_difference("demo", "shop")


def helm_keeps_what_it_needs(p):
    kept = p.get("secrets", "-n", SYSTEM, "-l", "owner=helm,status=deployed")["items"]
    expect([one["metadata"]["name"] for one in kept] == ["sh.helm.release.v1.keelson-operator.v1"],
           str(kept)[:200])
    expect(kept[0]["type"] == "helm.sh/release.v1", kept[0]["type"])
    # A Secret holds a mebibyte; the definitions are in here twice.
    size = len(base64.b64decode(kept[0]["data"]["release"]))
    expect(size < 1 << 18, "a release of the operator takes %d bytes" % size)
    status = json.loads(p.helm("status", "demo", "--namespace", "shop", "--output", "json"))
    expect(status["info"]["status"] == "deployed", str(status["info"]))
    shown = p.helm("status", "demo", "--namespace", "shop", "--show-resources")
    expect("v1alpha1/EtcdCluster" in shown, shown)


def what_the_notes_say_works(p):
    notes = p.helm("get", "notes", "keelson-operator", "--namespace", SYSTEM)
    p.shell(script_of(notes))
    p.until("the cluster of the notes has pods",
            lambda: p.exists("pods", "-l", "keelson.dev/cluster=demo"))
    p.k("delete", "etcd", "demo", "--wait=false")
    notes = p.helm("get", "notes", "demo", "--namespace", "shop")
    expect("demo" in p.shell(script_of(notes)), "the notes' command shows no cluster")
    url = re.search(r"reach it at (\S+)", notes).group(1)
    name = re.search(r"Secret (\S+) \(tls.crt, tls.key, ca.crt\)", notes).group(1)
    secret = p.get("secret", name, "-n", "shop")["data"]
    for file in ["ca.crt", "tls.crt", "tls.key"]:
        with open(os.path.join(p.stage.folder, file), "wb") as out:
            out.write(base64.b64decode(secret[file]))
    flags = ["--%s=%s" % (flag, os.path.join(p.stage.folder, file)) for flag, file in
             [("cacert", "ca.crt"), ("cert", "tls.crt"), ("key", "tls.key")]]
    ctl = os.path.join(p.programs, "keelsonctl")
    p.run(ctl, "--endpoints", url, *flags, "put", "by", "helm")
    expect("helm" in p.run(ctl, "--endpoints", url, *flags, "get", "by"), "the key is not there")


def script_of(notes):
    """The indented lines of notes; nobody watches here."""
    lines = [line[2:] for line in notes.split("\n") if line.startswith("  ")]
    expect(lines, "no commands in the notes:\n" + notes)
    return "\n".join(lines).replace(" --watch", "")


def an_upgrade_and_the_way_back(p):
    generation = p.get("etcd", "demo", "-n", "shop")["metadata"]["generation"]
    p.shell(commands("With Helm", 1))
    expect(p.history("demo", "shop") == [(1, "superseded"), (2, "superseded"), (3, "deployed")],
           str(p.history("demo", "shop")))
    expect(not p.exists("networkpolicy", "demo", "-n", "shop"), "the policy stayed")
    expect(p.get("etcd", "demo", "-n", "shop")["metadata"]["generation"] == generation,
           "the spec of the cluster was touched")


def members_come_and_go_with_the_values(p):
    p.helm("install", "one", "charts/keelson-cluster", "-n", "shop", "--set", "spec.replicas=1",
           "--set", "spec.tls.mode=Disabled", "--set", "plainCronJob.enabled=true", "--wait")
    p.available("one", "shop")
    p.helm("upgrade", "one", "charts/keelson-cluster", "-n", "shop", "--reset-then-reuse-values",
           "--set", "spec.replicas=2")
    p.until("two members", lambda: ready(p, "one") == 2)
    p.helm("rollback", "one", "1", "-n", "shop")
    p.until("one member again", lambda: ready(p, "one") == 1
            and len(p.get("pods", "-n", "shop", "-l", "keelson.dev/cluster=one")["items"]) == 1)


def ready(p, name):
    return p.get("etcd", name, "-n", "shop").get("status", {}).get("readyReplicas", 0)


def wrong_values_are_refused(p):
    upgrade = ["upgrade", "one", "charts/keelson-cluster", "-n", "shop",
               "--reset-then-reuse-values", "--set"]
    count = len(p.history("one", "shop"))
    p.refused(*upgrade, "spec.replica=3", because="Additional property replica is not allowed")
    expect(len(p.history("one", "shop")) == count, "a revision of what is refused")
    # The server's own rules are asked after that; Helm notes the attempt.
    p.refused(*upgrade, "spec.storage.size=1Gi", because="size cannot be reduced")
    expect(p.history("one", "shop")[-1] == (count + 1, "failed"), str(p.history("one", "shop")))
    p.helm("rollback", "one", "-n", "shop")
    expect(p.history("one", "shop")[-1] == (count + 2, "deployed"), str(p.history("one", "shop")))


def rehearsals_change_nothing(p):
    before = p.get("deployment", "keelson-operator", "-n", SYSTEM)["metadata"]["resourceVersion"]
    said = p.helm("upgrade", *OPERATOR, "--set", "replicaCount=3", "--dry-run=server")
    expect("replicas: 3" in said, "the rehearsal shows nothing")
    after = p.get("deployment", "keelson-operator", "-n", SYSTEM)["metadata"]["resourceVersion"]
    expect(before == after, "a rehearsal wrote")
    expect(len(p.history("keelson-operator", SYSTEM)) == 1, "a rehearsal is a revision")


def only_some_namespaces(p):
    p.shell(commands("With Helm", 2))
    rules = p.get("clusterrole", "keelson-operator")["rules"]
    expect(not [one for one in rules if "secrets" in one["resources"]], "rights everywhere")
    # The one that came last knows of two namespaces, and must work while one of them is quiet.
    p.helm("install", "late", "charts/keelson-cluster", "-n", "stock", "--set", "spec.replicas=1",
           "--set", "spec.tls.mode=Disabled")
    p.available("late", "stock")
    notes = p.helm("get", "notes", "keelson-operator", "-n", SYSTEM)
    expect("shop, stock" in notes and "kubectl -n shop apply" in notes, notes)
    p.helm("uninstall", "late", "-n", "stock", "--wait")


def all_of_it_is_removed(p):
    p.helm("uninstall", "one", "-n", "shop", "--wait")
    said = p.shell(commands("Remove", 0))
    expect("[CustomResourceDefinition] etcdclusters.keelson.dev" in said, said)
    expect(not p.releases(), str(p.releases()))
    expect(not p.exists("etcd", "-A") and not p.exists("deployments", "-A"), "something stayed")
    claims = p.k("get", "pvc", "-n", "shop", "-o", "name")
    for name in ["data-demo-0", "one-plain-backups"]:
        expect(name in claims, "the claim %s went with the release" % name)
    expect(not p.exists("secrets", "-A", "-l", "owner=helm"), "Helm left Secrets")


def definitions_that_stayed_are_taken_again(p):
    p.refused("install", "other", *OPERATOR[1:], because='must equal "other"')
    p.helm("install", *OPERATOR, "--set", "replicaCount=1", "--set", "crds.keep=false")
    p.helm("uninstall", *OPERATOR[:1], "-n", SYSTEM, "--wait")
    expect(not p.exists("crd"), "crds.keep=false, and they stayed")
    p.k("apply", "--server-side", "-f", "Manifests/crds")
    p.refused("install", *OPERATOR, because="invalid ownership metadata")
    p.helm("install", *OPERATOR, "--set", "replicaCount=1", "--take-ownership")
    expect(p.releases() == {(SYSTEM, "keelson-operator"): ("1", "deployed")}, str(p.releases()))


CASES = [
    a_cluster_before_its_definitions_is_refused, the_commands_of_the_document_install_both,
    helm_keeps_what_it_needs, what_the_notes_say_works, an_upgrade_and_the_way_back,
    members_come_and_go_with_the_values, wrong_values_are_refused, rehearsals_change_nothing,
    only_some_namespaces, all_of_it_is_removed, definitions_that_stayed_are_taken_again,
]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--only")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    wanted = options.only.split(",") if options.only else [case.__name__ for case in CASES]
    chosen = [case for case in CASES if case.__name__ in wanted]
    program = helm_tool.find()
    for name, there in [("helm", program), ("kubectl", shutil.which("kubectl"))]:
        if not there:
            print("SKIPPED: there is no %s\n0 passed, 0 failed, %d skipped" % (name, len(chosen)))
            return 0
    return play(chosen, program, os.path.abspath(options.bin), options.keep)


def play(chosen, program, programs, keeps):
    passed = failed = 0
    begun = time.monotonic()
    p = None
    try:
        p = Play(program, programs)
        for case in chosen:
            start = time.monotonic()
            case(p)
            passed += 1
            print("ok    %-44s %5.1f s" % (case.__name__, time.monotonic() - start), flush=True)
    except Failure as failure:
        # What comes after it would play on something else than it expects.
        failed += 1
        print("FAIL  %s: %s" % (chosen[passed].__name__ if p else "the sandbox", failure))
    finally:
        if p:
            try:
                p.stage.end()
            except Failure as failure:
                failed += 1
                print("FAIL  %s" % failure)
            if failed or keeps:
                print("the sandbox's folder: " + p.stage.folder)
            else:
                shutil.rmtree(p.stage.folder, ignore_errors=True)
    print("all in %.0f s" % (time.monotonic() - begun))
    print("%d passed, %d failed, %d skipped" % (
        passed, failed, max(len(chosen) - passed - failed, 0)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
