# SPDX-License-Identifier: Apache-2.0
"""Manifests and charts against the schemas of every Kubernetes from 1.20 on, unknown fields refused.

    check_schemas.py [--all] [FILE]...

Without --all only the versions at which something changes for us, and the newest. FILEs are Lists in
JSON, as `kubectl get -o json` prints them, of objects that live on a 1.29 or later. The schemas are
those that API servers publish, as the PyPI package kubernetes-validate carries them (scripts/setup
fetches it). What no schema is for (custom resources) is counted, and checked elsewhere.
"""
import glob
import json
import os
import re
import sys
import tarfile
import zipfile

import yaml

import chart_renderer
from chart_cases import CASES
from chart_renderer import render

try:
    import jsonschema
except ImportError:
    print("SKIPPED schemas of Kubernetes: no jsonschema (scripts/setup installs it)")
    sys.exit(0)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ARCHIVES = os.environ.get("KEELSON_SCHEMAS", f"{ROOT}/.cache/tools/schemas")
NAME = re.compile(r"/v1\.(\d+)\.0-local-strict/_definitions\.json$")
OLDEST, NEWEST = 20, 37
LIVE = 29
EDGES = [20, 21, 24, 25, 28, 29, NEWEST]
# Which folder is for which version: docs/install.md says the same.
FOLDERS = [(29, "Manifests"), (21, "Manifests/kubernetes-1.21"), (20, "Manifests/kubernetes-1.20")]
failures, passed, custom = [], 0, 0


def definitions(wanted):
    """(version, definitions) of the wanted versions, as far as there are any."""
    for path in sorted(glob.glob(f"{ARCHIVES}/kubernetes[-_]validate-*")):
        if path.endswith(".whl"):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if (found := NAME.search(name)) and int(found[1]) in wanted:
                        yield int(found[1]), json.loads(archive.read(name))
        else:
            with tarfile.open(path) as archive:
                for member in archive:
                    if (found := NAME.search(member.name)) and int(found[1]) in wanted:
                        yield int(found[1]), json.load(archive.extractfile(member))


def at_home(tree):
    """The same with references that need no other file."""
    if isinstance(tree, dict):
        return {key: "#/$defs/" + value.rpartition("/")[2]
                if key == "$ref" and isinstance(value, str) else at_home(value)
                for key, value in tree.items()}
    return [at_home(item) for item in tree] if isinstance(tree, list) else tree


class Schemas:
    """What one version of Kubernetes knows."""

    def __init__(self, version, tree):
        self.version = version
        self.known = at_home(tree.get("$defs") or tree["definitions"])
        self.names = {}
        for name, schema in self.known.items():
            # A server drops what it does not know, or warns; here it is a failure.
            if "properties" in schema:
                schema.setdefault("additionalProperties", False)
            for kind in schema.get("x-kubernetes-group-version-kind") or []:
                self.names[kind["group"], kind["version"], kind["kind"]] = name

    def check(self, item, where):
        """An object, or a list of them; unknown kinds of the server's own groups are failures."""
        global passed, custom
        group, _, version = item.get("apiVersion", "").rpartition("/")
        if item.get("kind") == "List" and not group:
            for one in item["items"]:
                self.check(one, where)
            return
        name = self.names.get((group, version, item.get("kind")))
        about = f"1.{self.version}: {where}: {item.get('kind')} {item.get('metadata', {}).get('name')}"
        if name is None:
            if group in {known for known, _, _ in self.names}:
                failures.append(f"{about}: no {item.get('kind')} of {item.get('apiVersion')}")
            else:
                custom += 1
            return
        schema = {"$ref": f"#/$defs/{name}", "$defs": self.known}
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(item))
        for error in errors:
            path = ".".join(map(str, error.absolute_path))
            failures.append(f"{about}: {path}: {error.message[:200]}")
        passed += not errors


def manifests(version):
    """(path, object) of what install.md says to apply to this version."""
    folder = next(folder for least, folder in FOLDERS if version >= least)
    paths = glob.glob(f"{ROOT}/{folder}/*.yaml") + glob.glob(f"{ROOT}/{folder}/crds/*.yaml")
    plain = folder if version < 21 else "Manifests"
    paths += glob.glob(f"{ROOT}/{plain}/statefulset/*.yaml")
    paths += glob.glob(f"{ROOT}/Manifests/samples/*.yaml") + glob.glob(f"{ROOT}/Manifests/monitoring/*.yaml")
    for path in sorted(paths):
        with open(path, encoding="utf-8") as file:
            for item in yaml.safe_load_all(file):
                if item:
                    yield os.path.relpath(path, ROOT), item


def charts(version):
    """(case, object) of the charts as Helm would render them for this version."""
    for name, (chart, values, release, namespace, _) in CASES.items():
        output = render(f"{ROOT}/charts/{chart}", values, release, namespace, f"v1.{version}.0")
        for item in chart_renderer.objects(output):
            yield f"chart {name}", item


def can_fail(schemas):
    """The check itself: a field that no version knows."""
    before = len(failures)
    schemas.check({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "x"}, "spec": {
        "serviceName": "x", "selector": {}, "template": {"spec": {"containers": [], "nothing": 1}}}}, "")
    found = failures[before:]
    del failures[before:]
    if len(found) != 1 or "nothing" not in found[0]:
        failures.append(f"1.{schemas.version}: an unknown field is not found: {found}")


def main():
    names = [name for name in sys.argv[1:] if name != "--all"]
    wanted = range(OLDEST, NEWEST + 1) if "--all" in sys.argv else EDGES
    if names:
        wanted = [version for version in wanted if version >= LIVE]
    seen = []
    for version, tree in definitions(wanted):
        if version in seen:
            continue
        seen.append(version)
        schemas = Schemas(version, tree)
        can_fail(schemas)
        for name in names:
            with open(name, encoding="utf-8") as file:
                schemas.check(json.load(file), os.path.basename(name))
        for where, item in [] if names else [*manifests(version), *charts(version)]:
            schemas.check(item, where)
    missing = [f"1.{version}" for version in wanted if version not in seen]
    if missing:
        print(f"SKIPPED {len(missing)} versions of Kubernetes: no schemas of {', '.join(missing)} "
              "(scripts/setup fetches them)")
    for failure in failures[:60]:
        print(f"FAILED {failure}")
    print(f"{passed} objects fit the schemas of {len(seen)} versions of Kubernetes, {len(failures)} do not, "
          f"{custom} are of custom kinds")
    sys.exit(1 if failures else 0)


main()
