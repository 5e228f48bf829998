# SPDX-License-Identifier: Apache-2.0
"""The charts by Helm itself: lint, the golden files, versions of Kubernetes, values it refuses.

    helm_charts.py      KEELSON_HELM=program, if it is neither in .cache/tools nor on PATH
"""
import glob
import json
import os
import re
import shutil
import sys
import tempfile

import yaml

import helm_tool
from chart_cases import CASES
from chart_renderer import load_all, load_yaml, render

ROOT = helm_tool.ROOT
GOLDEN = os.path.join(ROOT, "Tests/ChartTests/Golden")
CHARTS = ("keelson-operator", "keelson-cluster")
failures, passed = [], 0


def check(holds, what):
    global passed
    if holds:
        passed += 1
    else:
        failures.append(what)


class Helm:
    def __init__(self, program):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="keelson-helm-")

    def call(self, *words):
        return helm_tool.run(self.program, self.folder, *words)

    def write(self, path, text):
        full = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        return full

    def template(self, what, *words):
        """{file of the template: documents}; nil and a failure if Helm refuses."""
        done = self.call("template", *words)
        check(done.returncode == 0, f"{what}: helm says {done.stderr.strip()}")
        return sources(done.stdout) if done.returncode == 0 else None


def sources(text):
    """What `helm template` prints, by file: Helm has put the documents in its own order."""
    found = {}
    for part in re.split(r"^---\n", text, flags=re.M):
        match = re.match(r"# Source: [^\n]*?/templates/([^\n]+)\n", part)
        if match:
            found.setdefault(match.group(1), []).extend(load_all(part))
    return found


def in_order(items):
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def golden_documents(name):
    with open(f"{GOLDEN}/{name}.txt", encoding="utf-8") as file:
        text = file.read()
    found = {}
    for part in re.split(r"^---\n(?=# \S+\n)", text, flags=re.M)[1:]:
        file, _, body = part[2:].partition("\n")
        if file.endswith(".yaml"):
            found[file] = load_all(body)
    return found


def definitions(case):
    """Those of the files, as the case wants them."""
    chart, values, release, namespace, version = case
    return load_all(render(f"{ROOT}/charts/{chart}", values, release, namespace, version)
                    .get("crds.yaml", ""))


# ---- Tests


def lint(helm):
    for chart in CHARTS:
        done = helm.call("lint", "--strict", f"charts/{chart}")
        check(done.returncode == 0, f"helm lint {chart}: {done.stdout}")


def goldens(helm):
    for name, case in CASES.items():
        chart, values, release, namespace, version = case
        file = helm.write(f"values/{name}.yaml", json.dumps(values))
        theirs = helm.template(name, release, f"charts/{chart}", "--namespace", namespace,
                               "--kube-version", version, "--values", file)
        if theirs is None:
            continue
        crds = theirs.pop("crds.yaml", [])
        check(in_order(crds) == in_order(definitions(case)), f"{name}: other definitions")
        ours = golden_documents(name)
        check(set(theirs) == set(ours), f"{name}: files {sorted(set(theirs) ^ set(ours))}")
        for path in set(theirs) & set(ours):
            check(in_order(theirs[path]) == in_order(ours[path]),
                  f"{name}: {path} is not the golden file's")


def versions(helm):
    """What is chosen by the version of Kubernetes, and by nothing else."""
    #        version     api of budgets, CronJobs           rules in CEL
    rows = [("1.20.0", "policy/v1beta1", "batch/v1beta1", False),
            ("1.21.0-eks-1", "policy/v1", "batch/v1", False),
            ("1.28.15", "policy/v1", "batch/v1", False),
            ("1.29.0-rc.1", "policy/v1", "batch/v1", True),
            ("1.34.0", "policy/v1", "batch/v1", True),
            (None, "policy/v1", "batch/v1", True)]
    for version, budgets, jobs, has_rules in rows:
        given = ["--kube-version", version] if version else []
        chosen = helm.template(f"operator {version}", "o", "charts/keelson-operator", *given) or {}
        apis = [item["apiVersion"] for item in chosen.get("poddisruptionbudget.yaml", [])]
        check(apis == [budgets], f"Kubernetes {version}: budgets of {apis}")
        crds = chosen.get("crds.yaml", [])
        check(len(crds) == 4, f"Kubernetes {version}: {len(crds)} definitions")
        check(("x-kubernetes-validations" in json.dumps(crds)) == has_rules,
              f"Kubernetes {version}: rules in CEL")
        chosen = helm.template(f"cluster {version}", "c", "charts/keelson-cluster", *given,
                               "--set", "plainCronJob.enabled=true") or {}
        apis = [item["apiVersion"] for item in chosen.get("plain-cronjob.yaml", [])
                if item["kind"] == "CronJob"]
        check(apis == [jobs], f"Kubernetes {version}: CronJobs of {apis}")
    # A server that still has the old ones beside the new gets the new.
    chosen = helm.template("old APIs", "o", "charts/keelson-operator", "--kube-version", "1.24.0",
                           "--api-versions", "policy/v1beta1,batch/v1beta1") or {}
    check([item["apiVersion"] for item in chosen.get("poddisruptionbudget.yaml", [])]
          == ["policy/v1"], "--api-versions policy/v1beta1")
    for chart in CHARTS:
        refused(helm, ["chart requires kubeVersion: >=1.20.0-0"], chart, "--kube-version", "1.19.16")


def refused(helm, because, chart, *words):
    done = helm.call("template", "x", f"charts/{chart}", *words)
    check(done.returncode != 0, f"{chart} accepts {' '.join(words)}")
    for text in because:
        check(text in done.stderr, f"{chart} {' '.join(words)}: helm says {done.stderr.strip()}")


def wrong_values(helm):
    operator = [
        ("replicaCont=1", "Additional property replicaCont is not allowed"),
        ("replicaCount=0", "replicaCount: Must be greater than or equal to 1"),
        ("replicaCount=two", "replicaCount: Invalid type. Expected: integer, given: string"),
        ("image.tags=x", "image: Additional property tags is not allowed"),
        ("logFormat=xml", 'logFormat: logFormat must be one of the following: "json", "console"'),
        ("watchNamespaces=shop", "watchNamespaces: Invalid type. Expected: array, given: string"),
    ]
    cluster = [
        ("spec.replicas=three", "spec.replicas: Invalid type. Expected: integer, given: string"),
        ("spec.replicas=0", "spec.replicas: Must be greater than or equal to 1"),
        ("spec.replica=3", "spec: Additional property replica is not allowed"),
        ("spec.tls.mode=Perhaps", "spec.tls.mode: spec.tls.mode must be one of the following"),
        ("plainCronJob.verify=twice", "plainCronJob.verify must be one of the following"),
        ("backupSchedules[0].schedule=daily", "name"),
    ]
    rule = "values don't meet the specifications of the schema(s)"
    for chart, rows in (("keelson-operator", operator), ("keelson-cluster", cluster)):
        for value, because in rows:
            refused(helm, (rule, because), chart, "--set", value)


def packaged(helm):
    """A chart in a file holds all that the folder does."""
    for chart in CHARTS:
        done = helm.call("package", f"charts/{chart}", "--destination", helm.folder)
        check(done.returncode == 0, f"helm package {chart}: {done.stderr.strip()}")
        files = glob.glob(f"{helm.folder}/{chart}-*.tgz")
        if len(files) != 1:
            failures.append(f"helm package {chart} made {files}")
            continue
        check(helm.template(chart, "x", files[0]) == helm.template(chart, "x", f"charts/{chart}"),
              f"the package of {chart} renders something else")


def beneath_another(helm):
    """As parts of somebody's chart, beside values that are not ours."""
    about = {"apiVersion": "v2", "name": "all", "version": "1.0.0",
             "dependencies": [{"name": chart, "version": "*"} for chart in CHARTS]}
    helm.write("all/Chart.yaml", yaml.safe_dump(about))
    helm.write("all/values.yaml", yaml.safe_dump({
        "global": {"imageRegistry": "mirror.example", "storageClass": "fast"},
        "keelson-operator": {"replicaCount": 3}, "keelson-cluster": {"name": "shop"}}))
    for chart in CHARTS:
        shutil.copytree(f"{ROOT}/charts/{chart}", f"{helm.folder}/all/charts/{chart}")
    found = helm.template("a chart above ours", "x", f"{helm.folder}/all") or {}
    deployments = found.get("deployment.yaml", [])
    check([item["spec"]["replicas"] for item in deployments] == [3], "its values do not arrive")
    images = [item["spec"]["template"]["spec"]["containers"][0]["image"] for item in deployments]
    with open(f"{ROOT}/charts/keelson-operator/Chart.yaml", encoding="utf-8") as file:
        version = load_yaml(file.read())["appVersion"]
    check(images == [f"mirror.example/keelson:{version}"], f"images {images}")
    check([item["metadata"]["name"] for item in found.get("cluster.yaml", [])] == ["shop"],
          "the cluster's name")


TESTS = [lint, goldens, versions, wrong_values, packaged, beneath_another]


def main():
    program = helm_tool.find()
    if not program:
        print(f"SKIPPED {len(TESTS)} parts of the charts' tests by Helm: there is no helm "
              "(scripts/setup fetches it)")
        return 0
    helm = Helm(program)
    try:
        for test in TESTS:
            test(helm)
    finally:
        shutil.rmtree(helm.folder, ignore_errors=True)
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"charts by helm: {passed} checks passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
