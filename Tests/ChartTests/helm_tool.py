# SPDX-License-Identifier: Apache-2.0
"""Where Helm is: KEELSON_HELM, or what scripts/setup fetched, or the one on PATH."""
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def find():
    """The path of the program; nil if there is none."""
    chosen = os.environ.get("KEELSON_HELM")
    if chosen:
        return shutil.which(chosen)
    fetched = os.path.join(ROOT, ".cache/tools/helm-3.17.3/helm")
    return fetched if os.access(fetched, os.X_OK) else shutil.which("helm")


def surroundings(folder):
    """Variables with which Helm neither reads nor writes anything of the user's."""
    rest = {key: value for key, value in os.environ.items() if not key.startswith("HELM_")}
    return dict(rest, HOME=folder, HELM_CACHE_HOME=os.path.join(folder, "helm/cache"),
                HELM_CONFIG_HOME=os.path.join(folder, "helm/config"),
                HELM_DATA_HOME=os.path.join(folder, "helm/data"))


def run(program, folder, *words, limit=120):
    return subprocess.run(
        [program, *words], capture_output=True, text=True, timeout=limit, cwd=ROOT,
        env=surroundings(folder))
