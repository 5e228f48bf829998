# SPDX-License-Identifier: Apache-2.0
"""Charts and manifests: golden renders, the twin in Go, what may never be in them.

    test_charts.py [--rewrite]      KEELSON_CHART_TWIN=binary of render_twin.go
"""
import json
import os
import re
import subprocess
import sys

import yaml

import chart_renderer
from chart_cases import CASES
from chart_renderer import load_all, load_yaml, render

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REWRITE = "--rewrite" in sys.argv
TWIN = os.environ.get("KEELSON_CHART_TWIN", "")
failures, passed = [], 0


def check(holds, what):
    global passed
    if holds:
        passed += 1
    else:
        failures.append(what)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def compare(path, text):
    """A file that is rendered from others: rewritten, or the same."""
    full = os.path.join(ROOT, path)
    old = read(path) if os.path.exists(full) else None
    if old == text:
        check(True, path)
    elif REWRITE:
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        print(f"rewritten: {path}")
    else:
        check(False, f"{path} is not what the charts say; run make charts REWRITE=1")


def stream(items):
    return "".join("---\n" + chart_renderer.to_yaml(item) + "\n" for item in items)


def documents(output):
    return "".join(f"---\n# {file}\n{text.strip()}\n" for file, text in sorted(output.items())
                   if text.strip())


def golden():
    for name, (chart, values, release, namespace, version) in CASES.items():
        output = render(f"{ROOT}/charts/{chart}", values, release, namespace, version)
        shown = dict(output)
        # The definitions have golden files of their own.
        definitions = load_all(shown.pop("crds.yaml", ""))
        check(len(definitions) in (0, 4), f"{name}: {len(definitions)} definitions")
        compare(f"Tests/ChartTests/Golden/{name}.txt", documents(shown))
        objects = chart_renderer.objects(output)
        check(objects, f"{name}: renders nothing")
        for item in objects:
            inspect(name, item)


def inspect(case, item):
    """What holds of everything we ship."""
    where = f"{case}: {item.get('kind')} {item.get('metadata', {}).get('name')}"
    check(item.get("apiVersion") and item.get("kind"), f"{where}: no kind")
    check(item.get("metadata", {}).get("name"), f"{where}: no name")
    for rule in item.get("rules") or []:
        everything = rule.get("verbs", []) + rule.get("resources", []) + rule.get("apiGroups", [])
        check("*" not in everything, f"{where}: a wildcard")
        check(not {"pods/exec", "pods/attach", "pods/portforward"} & set(rule.get("resources", [])),
              f"{where}: exec")
        check(not {"escalate", "bind", "impersonate"} & set(rule.get("verbs", [])), f"{where}: escalation")
    template = item.get("spec", {}) if isinstance(item.get("spec"), dict) else {}
    if item["kind"] == "CronJob":
        template = template["jobTemplate"]["spec"]
    pod = template.get("template", {}).get("spec") if item["kind"] != "EtcdBackupSchedule" else None
    if pod:
        inspect_pod(where, item, pod)


def inspect_pod(where, item, pod):
    """The restricted profile of Pod Security, and a root that cannot be written."""
    outer = pod["securityContext"]
    check(outer["runAsNonRoot"] is True and outer["runAsUser"] > 0, f"{where}: may be root")
    check(outer["seccompProfile"]["type"] == "RuntimeDefault", f"{where}: seccomp")
    check("hostNetwork" not in pod and "hostPID" not in pod, f"{where}: the host's")
    for volume in pod.get("volumes", []):
        check("hostPath" not in volume, f"{where}: hostPath")
    for container in pod["containers"]:
        inner = container["securityContext"]
        check(inner["allowPrivilegeEscalation"] is False, f"{where}: escalation")
        check(inner["readOnlyRootFilesystem"] is True, f"{where}: root can be written")
        check(inner["capabilities"]["drop"] == ["ALL"], f"{where}: capabilities")
        check("requests" in container["resources"], f"{where}: no requests")
        names = {volume["name"] for volume in pod.get("volumes", [])}
        claims = (item["spec"].get("volumeClaimTemplates") or [])
        names |= {claim["metadata"]["name"] for claim in claims}
        for mount in container.get("volumeMounts", []):
            check(mount["name"] in names, f"{where}: no volume {mount['name']}")


def twin():
    if not TWIN:
        print(f"SKIPPED {len(CASES)} cases: no Go, so nobody renders the charts a second time "
              "(scripts/chart-twin makes the twin)")
        return
    for name, (chart, values, release, namespace, version) in CASES.items():
        folder = f"{ROOT}/charts/{chart}"
        with open(f"{folder}/values.yaml", encoding="utf-8") as file:
            merged = chart_renderer.merge(load_yaml(file.read()), values)
        request = {
            "Chart": folder, "Values": merged, "About": load_yaml(read(f"charts/{chart}/Chart.yaml")),
            "Name": release, "Namespace": namespace, "KubeVersion": version, "APIVersions": [],
        }
        answer = subprocess.run([TWIN], input=json.dumps(request), capture_output=True, text=True)
        check(answer.returncode == 0, f"{name}: the twin says {answer.stderr.strip()}")
        if answer.returncode != 0:
            continue
        theirs = json.loads(answer.stdout)
        ours = render(folder, values, release, namespace, version)
        check(set(theirs) == set(ours), f"{name}: other files")
        for file in ours:
            left, right = ours[file], theirs.get(file, "")
            same = left == right or (not file.endswith(".txt") and load_all(left) == load_all(right))
            check(same, f"{name}: {file} differs from the twin's:\n{right}")


def manifests():
    """Manifests/ is the chart with its defaults, without Helm."""
    for folder, version, crds in (("Manifests", "v1.32.0", "Manifests/crds"),
                                  ("Manifests/kubernetes-1.21", "v1.21.0", "Manifests/kubernetes-1.20/crds"),
                                  ("Manifests/kubernetes-1.20", "v1.20.0", "Manifests/kubernetes-1.20/crds")):
        output = render(f"{ROOT}/charts/keelson-operator", {"crds": {"install": False}},
                        "keelson-operator", "keelson-system", version)
        items = chart_renderer.objects(output)
        for item in items:
            for metadata in labelled(item):
                metadata.get("labels", {}).pop("app.kubernetes.io/managed-by", None)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": "keelson-system",
            "labels": {"pod-security.kubernetes.io/enforce": "restricted",
                       "app.kubernetes.io/name": "keelson-operator"}}}
        definitions = "".join("---\n" + read(f"{crds}/{name}")
                              for name in sorted(os.listdir(f"{ROOT}/{crds}")))
        compare(f"{folder}/keelson.yaml",
                "# The operator of keelson: namespace, definitions, rights, Deployment. Rendered from\n"
                "# charts/keelson-operator; do not edit.\n"
                + stream([namespace]) + definitions + stream(items))
    monitoring()
    older()


def labelled(item):
    yield item["metadata"]
    template = item.get("spec", {}).get("template") if isinstance(item.get("spec"), dict) else None
    if template:
        yield template["metadata"]


def monitoring():
    rules = load_yaml(read("charts/keelson-operator/files/alerts.yaml"))
    compare("Manifests/monitoring/prometheusrule.yaml", stream([{
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": "keelson", "namespace": "keelson-system"}, "spec": rules}]))
    compare("Manifests/monitoring/servicemonitor.yaml", stream([
        {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
         "metadata": {"name": "keelson-operator", "namespace": "keelson-system"},
         "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": "keelson-operator"}},
                  "endpoints": [{"port": "http", "interval": "30s"}]}}]))
    board = json.loads(read("charts/keelson-operator/files/dashboard.json"))
    compare("Manifests/monitoring/dashboard.json", json.dumps(board, indent=2) + "\n")


def older():
    """Kubernetes 1.20 knows neither policy/v1 nor CronJob of batch/v1."""
    for name in ("keelson", "backup"):
        text = read(f"Manifests/statefulset/{name}.yaml")
        text = text.replace("policy/v1\n", "policy/v1beta1\n").replace("batch/v1\n", "batch/v1beta1\n")
        compare(f"Manifests/kubernetes-1.20/statefulset/{name}.yaml", text)


def shipped():
    for folder, _, names in os.walk(f"{ROOT}/Manifests"):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if name.endswith(".yaml") and "/crds/" not in path:
                for item in load_all(read(path)):
                    if item["kind"] != "CustomResourceDefinition":
                        inspect(path, item)
                    old = "1.20" in path
                    check(not (old and item["apiVersion"] in ("policy/v1",)), f"{path}: policy/v1")
                    check(not (old and item["kind"] == "CronJob" and item["apiVersion"] == "batch/v1"),
                          f"{path}: batch/v1")
                    check(old or "beta" not in item["apiVersion"], f"{path}: {item['apiVersion']}")


def metric_names():
    """Alerts and panels ask for metrics that exist in the code."""
    code = ""
    for folder, _, names in os.walk(f"{ROOT}/Sources"):
        for name in names:
            if name.endswith(".swift"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    code += file.read()
    known = set(re.findall(r'"((?:etcd|keelson|grpc|process)_[a-z_]+)"', code))
    asked = "".join(read(path) for path in (
        "charts/keelson-operator/files/alerts.yaml", "charts/keelson-operator/files/dashboard.json",
        "Manifests/monitoring/members.yaml"))
    names = set(re.findall(r"\b((?:etcd|keelson|grpc_server|process)_[a-z_]+)\b", asked))
    missing = []
    for name in sorted(names):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if base in ("grpc_server", "keelson_members", "keelson_operator") or base in known:
            continue
        missing.append(name)
    members = [name for name in missing if not name.startswith("keelson_")]
    check(not members, f"members have no metrics {members}")
    if any(name.startswith("keelson_") for name in known):
        check(len(missing) == len(members), f"the operator has no metrics {missing}")
    elif missing:
        print(f"SKIPPED {len(missing)} metrics: the operator has none yet")
    documented = set(re.findall(r"`(keelson_[a-z_]+)`", read("docs/metrics.md")))
    told = {name for name in known if name.startswith("keelson_")}
    check(told == documented, f"code and docs/metrics.md differ in {sorted(told ^ documented)}")
    check(len(told) >= 25, f"only {len(told)} metrics of the operator are found")


SOURCES = {"keelson-operator": "Sources/Operator/OperatorRunner", "keelsonctl": "Sources/Tools/Ctl",
           "keelson-node": "Sources/Node/NodeServer/Configuration"}


def flags():
    """Every flag we pass is one the program knows."""
    known = {}
    for program, folder in SOURCES.items():
        text = ""
        for path, _, names in os.walk(f"{ROOT}/{folder}"):
            for name in names:
                with open(os.path.join(path, name), encoding="utf-8") as file:
                    text += file.read()
        known[program] = set(re.findall(r'"([a-z][a-z0-9-]+)"', text))
    found = 0
    cases = [load_all(read(f"Manifests/{name}.yaml")) for name in
             ("keelson", "statefulset/keelson", "statefulset/backup")]
    cases += [chart_renderer.objects(render(f"{ROOT}/charts/{case[0]}", *case[1:])) for case in CASES.values()]
    for items in cases:
        for item in items:
            for container in containers(item):
                program = container["command"][0]
                for argument in container.get("args", []):
                    name = argument.removeprefix("--").split("=")[0]
                    found += 1
                    is_word = argument == "run" and program == "keelson-operator"
                    check((argument.startswith("--") or is_word)
                          and (name in known[program] or name == "feature-gates"),
                          f"{program} does not know {argument}")
    check(found > 50, f"only {found} flags")


def containers(value):
    if isinstance(value, dict):
        for key, child in value.items():
            if key == "containers" and isinstance(child, list) and child and "image" in child[0]:
                yield from child
            else:
                yield from containers(child)
    elif isinstance(value, list):
        for child in value:
            yield from containers(child)


def values_schemas():
    """Defaults and cases fit values.schema.json; a misspelt value does not."""
    try:
        import jsonschema
    except ImportError:
        print("SKIPPED values.schema.json: no jsonschema")
        return
    for chart in ("keelson-operator", "keelson-cluster"):
        path = f"charts/{chart}/values.schema.json"
        schema = json.loads(read(path))
        if chart == "keelson-cluster":
            schema["properties"]["spec"] = cluster_spec()
            compare(path, json.dumps(schema, indent=2) + "\n")
        jsonschema.Draft7Validator.check_schema(schema)
        validator = jsonschema.Draft7Validator(schema)
        defaults = load_yaml(read(f"charts/{chart}/values.yaml"))
        for name, case in CASES.items():
            if case[0] == chart:
                errors = [e.message for e in validator.iter_errors(chart_renderer.merge(defaults, case[1]))]
                check(not errors, f"{name}: {errors}")
        for wrong in ({"replicaCont": 1}, {"image": {"tags": "x"}}, {"spec": {"replicas": "three"}},
                      {"plainCronJob": {"verify": "twice"}}, {"logFormat": "xml"}, {"spec": {"replica": 3}}):
            if set(wrong) & {"replicaCont", "image", "logFormat"} and chart == "keelson-cluster":
                continue
            if set(wrong) & {"spec", "plainCronJob"} and chart == "keelson-operator":
                continue
            check(list(validator.iter_errors(chart_renderer.merge(defaults, wrong))),
                  f"{chart} accepts {wrong}")


def cluster_spec():
    """The spec of an EtcdCluster as JSON Schema: that of the definition, unknown fields refused."""
    definition = load_yaml(read("Manifests/crds/keelson.dev_etcdclusters.yaml"))
    version = definition["spec"]["versions"][0]
    return plain(version["schema"]["openAPIV3Schema"]["properties"]["spec"])


def plain(schema):
    result = {key: value for key, value in schema.items()
              if not key.startswith("x-kubernetes-") and key not in ("default", "properties", "items")}
    if "properties" in schema:
        result["properties"] = {name: plain(one) for name, one in schema["properties"].items()}
        result["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = plain(schema["additionalProperties"])
    if "items" in schema:
        result["items"] = plain(schema["items"])
    if result.get("type") == "integer" or "anyOf" in result:
        result.pop("format", None)
    return result


def renderer():
    """The renderer itself: what it cannot do is an error."""
    nodes = chart_renderer.parse
    run = lambda text, dot=None: chart_renderer.Renderer().run(nodes(text, "t"), dot or {}, [{"": dot or {}}])
    check(run("a {{- if .x }} b {{- else }} c{{ end }}", {"x": 1}) == "a b", "if")
    check(run("{{ range $k, $v := .m }}{{ $k }}={{ $v }};{{ end }}", {"m": {"b": 2, "a": 1}}) == "a=1;b=2;", "range")
    check(run('{{ .x | default "y" | quote }}', {"x": ""}) == '"y"', "pipeline")
    check(run("{{ with .x }}{{ .y }}{{ end }}", {"x": {"y": 3}}) == "3", "with")
    for wrong in ("{{ lookup 1 }}", "{{ if .x }}", "{{ end }}", "{{ .a.b }}", "{{ $x }}", '{{ include "no" . }}'):
        try:
            run(wrong, {})
            check(False, f"{wrong} is rendered")
        except chart_renderer.TemplateError:
            check(True, wrong)


for test in (renderer, golden, twin, manifests, shipped, metric_names, flags, values_schemas):
    test()
for failure in failures:
    print(f"FAILED {failure}")
print(f"charts: {passed} checks passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
