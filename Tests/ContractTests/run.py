#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the contract scripts on the cluster of KEELSON_KUBECONFIG (see README.md)."""

import base64
import http.client
import json
import os
import pathlib
import random
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

FOLDER = pathlib.Path(__file__).parent


class Server:
    """One API server, as the current context of a kubeconfig names it."""

    def __init__(self, kubeconfig):
        view = subprocess.run(
            ["kubectl", "--kubeconfig", kubeconfig, "config", "view", "--raw", "--minify",
             "--flatten", "-o", "json"], check=True, capture_output=True, text=True).stdout
        config = json.loads(view)
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0].get("user", {})
        self.url = urllib.parse.urlparse(cluster["server"])
        self.headers = {}
        if "token" in user:
            self.headers["Authorization"] = "Bearer " + user["token"]
        self.context = ssl.create_default_context()
        if cluster.get("insecure-skip-tls-verify"):
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        elif "certificate-authority-data" in cluster:
            pem = base64.b64decode(cluster["certificate-authority-data"]).decode()
            self.context.load_verify_locations(cadata=pem)
        if "client-certificate-data" in user:
            with tempfile.TemporaryDirectory() as folder:
                paths = []
                for part in ("client-certificate-data", "client-key-data"):
                    path = os.path.join(folder, part)
                    with open(path, "wb") as file:
                        file.write(base64.b64decode(user[part]))
                    paths.append(path)
                self.context.load_cert_chain(*paths)

    def ask(self, method, target, body=None, kind="application/json"):
        connection = http.client.HTTPSConnection(
            self.url.hostname, self.url.port or 443, context=self.context, timeout=60)
        headers = dict(self.headers, Accept="application/json")
        if body is not None:
            headers["Content-Type"] = kind
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, {"message": text.decode("utf-8", "replace")}


def find(path, value):
    for part in path.split("."):
        name, *indices = part.split("[")
        value = value.get(name) if isinstance(value, dict) else None
        for index in indices:
            at = int(index[:-1])
            value = value[at] if isinstance(value, list) and at < len(value) else None
    return value


def holds(line, value):
    path, word, *rest = line.split(" ", 2)
    found = find(path, value)
    if word == "=":
        return found == json.loads(rest[0])
    if word == "has":
        return isinstance(found, str) and json.loads(rest[0]) in found
    return (found is not None) == (word == "exists")


def run_step(server, block, kept):
    """The faults of one step."""
    lines = [line for line in block.split("\n") if line and not line.startswith("#")]
    if not lines or not lines[0].startswith("> "):
        return []
    faults, request, body, kind, retries, answer = [], None, None, "application/json", 1, None
    for line in lines[1:]:
        if not line.startswith("$"):
            for name in sorted(kept, key=len, reverse=True):
                line = line.replace("$" + name, kept[name])
        if line.startswith("< "):
            accepted = [int(code) for code in line[2:].split("|")]
            for _ in range(retries):
                code, answer = server.ask(*request, body, kind)
                if code in accepted:
                    break
                time.sleep(0.5)
            else:
                faults.append(f"{lines[0]}: {code} {answer.get('message')}")
        elif answer is not None:
            if line.startswith("$"):
                name, _, path = line.split(" ", 2)
                kept[name[1:]] = str(find(path, answer))
            elif not holds(line, answer):
                faults.append(f"{lines[0]}: {line}; found {find(line.split(' ')[0], answer)!r}")
        elif request is None:
            request = line.split(" ", 1)
        elif line.startswith("type "):
            kind = line[5:]
        elif line == "retry":
            retries = 20
        else:
            body = line
    return faults


def main():
    kubeconfig = os.environ.get("KEELSON_KUBECONFIG")
    scripts = sorted(FOLDER.glob("*.txt"))
    if not kubeconfig:
        print(f"SKIPPED: {len(scripts)} contract scripts, KEELSON_KUBECONFIG is not set")
        return 0
    server = Server(kubeconfig)
    faults, steps = [], 0
    for script in scripts:
        namespace = f"contract-{random.randrange(16 ** 8):08x}"
        server.ask("POST", "/api/v1/namespaces", json.dumps(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}))
        kept = {"NS": namespace}
        for block in script.read_text().split("\n\n"):
            steps += block.lstrip("\n").startswith("> ") or "\n> " in block
            faults += [f"{script.name} {fault}" for fault in run_step(server, block, kept)]
        server.ask("DELETE", "/api/v1/namespaces/" + namespace)
    for fault in faults:
        print(fault)
    print(f"{len(scripts)} scripts, {steps} steps, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
