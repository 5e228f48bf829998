# SPDX-License-Identifier: Apache-2.0
"""What the stories play on: a sandbox, two operators, and `kubectl proxy` for cheap looks."""
import http.client
import json
import os
import re
import subprocess

from kubectl import Failure, Stage, expect
from second_day.etcd import Names

NAMESPACE = "stories"
SYSTEM = "keelson-system"
PATIENCE = 3
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))

# A holder that fell silent is followed sooner than the defaults would have it.
OPERATOR_FLAGS = {
    "lease-duration": "4s", "renew-deadline": "3s", "retry-period": "500ms", "client-qps": "50",
}


class World:
    def __init__(self, programs):
        self.programs = programs
        self.stage = Stage(
            os.path.join(programs, "keelson-sandbox"), "--bin", programs, "--restart-delay", "1")
        self.names = Names(self.stage.dir)
        self.proxy = None
        self.clusters = []
        try:
            self.proxy, self.port = self.open_proxy()
            self.stage.kubectl("create", "namespace", NAMESPACE)
            self.install()
        except BaseException:
            self.close()
            raise

    def open_proxy(self):
        environment = dict(os.environ, KUBECONFIG=self.stage.kubeconfig, HOME=self.stage.folder)
        child = subprocess.Popen(
            ["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=environment)
        found = re.search(r":(\d+)$", child.stdout.readline().strip())
        if not found:
            child.kill()
            raise Failure("kubectl proxy does not say where it listens")
        return child, int(found.group(1))

    def install(self):
        with open(os.path.join(ROOT, "Manifests/keelson.yaml"), encoding="utf-8") as file:
            manifest = file.read()
        manifest = re.sub(r"keelson:[0-9][0-9.]*$", "keelson:dev", manifest, flags=re.M)
        for flag, value in OPERATOR_FLAGS.items():
            manifest, count = re.subn(r"--%s=\S+" % flag, "--%s=%s" % (flag, value), manifest)
            expect(count == 1, "the manifest has no flag --" + flag)
        self.stage.apply(manifest, "--server-side", "--force-conflicts")
        self.stage.kubectl(
            "-n", SYSTEM, "rollout", "status", "deployment/keelson-operator", "--timeout=60s",
            limit=70)

    # ---- Looks

    def look(self, path):
        """An object or a list; nil if there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        except OSError as error:
            raise Failure("the API does not answer: %s" % error) from None
        finally:
            connection.close()
        if response.status == 404:
            return None
        expect(response.status == 200, "GET %s: %d" % (path, response.status))
        return json.loads(body)

    def one(self, resource, name, namespace=NAMESPACE):
        group = {
            "etcdclusters": "apis/keelson.dev/v1alpha1", "statefulsets": "apis/apps/v1",
            "poddisruptionbudgets": "apis/policy/v1", "leases": "apis/coordination.k8s.io/v1",
            "deployments": "apis/apps/v1",
        }.get(resource, "api/v1")
        name = "/" + name if name else ""
        return self.look("/%s/namespaces/%s/%s%s" % (group, namespace, resource, name))

    def all(self, resource, namespace=NAMESPACE):
        return self.one(resource, "", namespace)["items"]

    def until(self, what, condition, limit=60):
        """Limits are those of an idle machine; a busy one is only slower."""
        self.stage.until(what, condition, limit * PATIENCE)

    def k(self, *words, **rest):
        return self.stage.kubectl("-n", NAMESPACE, *words, **rest)

    def apply(self, manifest):
        return self.k("apply", "-f", "-", given=manifest)

    def events(self, name, reason=None):
        found = [one for one in self.all("events") if one["involvedObject"]["name"] == name]
        return [one for one in found if reason is None or one["reason"] == reason]

    # ---- Operators

    def operators(self, count):
        self.k("-n", SYSTEM, "scale", "deployment/keelson-operator", "--replicas=%d" % count)
        self.until("%d operators" % count, lambda: self.ready_operators() == count and len(
            self.all("pods", SYSTEM)) == count)

    def ready_operators(self):
        status = self.one("deployments", "keelson-operator", SYSTEM).get("status", {})
        return status.get("readyReplicas", 0)

    def holder(self):
        """The pod that leads, and its name in the Lease."""
        lease = self.one("leases", "keelson-operator", SYSTEM)
        identity = (lease or {}).get("spec", {}).get("holderIdentity") or ""
        return identity.rsplit("_", 1)[0], identity

    def order(self, verb, what, namespace=NAMESPACE):
        return self.stage.order(verb, what, "--namespace", namespace)

    def volume_folder(self, claim):
        """Where a claim's files are."""
        volume = self.one("persistentvolumeclaims", claim)["spec"]["volumeName"]
        for folder, names, _ in os.walk(self.stage.dir):
            if os.path.basename(folder) == "volumes" and volume in names:
                return os.path.join(folder, volume)
        raise Failure("no folder of " + volume)

    # ---- The end

    def save_logs(self):
        """The operators' words, and those of members that are there; they go with the sandbox."""
        for namespace in [SYSTEM, NAMESPACE]:
            for one in self.all("pods", namespace):
                name = one["metadata"]["name"]
                for flag in ["", "--previous"]:
                    done = self.stage.call("-n", namespace, "logs", name, *flag.split())
                    path = os.path.join(self.stage.folder, name + flag + ".log")
                    if done.returncode == 0:
                        with open(path, "w", encoding="utf-8") as log:
                            log.write(done.stdout)

    def close(self):
        for cluster in self.clusters:
            cluster.stop()
        if self.proxy:
            self.proxy.kill()
            self.proxy.wait(10)
            self.proxy.stdout.close()
        self.stage.end()
