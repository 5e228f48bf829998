# SPDX-License-Identifier: Apache-2.0
"""Renders our charts without Helm.

The part of Go's text/template and of Sprig that charts/ uses, and nothing more: what it does not
know is an error, never silence. render_twin.go renders the same charts with Go's own templates
where Go is at hand, and the two must agree.

    chart_renderer.py CHART [--set a.b=c] [--values FILE] [--name N] [--namespace NS]
                      [--kube-version v1.32.0] [--api-versions a/v1,b/v1]
"""
import argparse
import copy
import fnmatch
import os
import re
import sys

import yaml

TRIM = re.compile(r"\{\{(- )?((?:\"(?:\\.|[^\"])*\"|`[^`]*`|[^\"`])*?)( -)?\}\}", re.S)
TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:\\.|[^\"\\])*\"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<assign>:=|=)|(?P<pipe>\|)|(?P<open>\()|(?P<close>\))|(?P<comma>,)"
    r"|(?P<word>[$.]?[A-Za-z_$.][\w.]*|[$.]))"
)


class TemplateError(Exception):
    pass


class Dumper(yaml.SafeDumper):
    """As sigs.k8s.io/yaml writes: keys in order of the alphabet, no line is folded."""


def to_yaml(value):
    text = yaml.dump(value, Dumper=Dumper, default_flow_style=False, sort_keys=True,
                     width=10**9, allow_unicode=True)
    return text.removesuffix("...\n").rstrip("\n")


class Loader(yaml.SafeLoader):
    """YAML 1.1, but a time stays a text."""


Loader.yaml_implicit_resolvers = {
    first: [entry for entry in entries if entry[0] != "tag:yaml.org,2002:timestamp"]
    for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(text):
    return yaml.load(text, Loader=Loader)


def load_all(text):
    return [item for item in yaml.load_all(text, Loader=Loader) if item is not None]


def go_text(value):
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        raise TemplateError(f"a {type(value).__name__} cannot be printed")
    return str(value)


def is_true(value):
    return value not in (None, False, 0, "") and not (
        isinstance(value, (dict, list, Files)) and len(value) == 0)


class Files:
    """`.Files`: what lies in the chart and is no template."""

    def __init__(self, root):
        self.root = root
        self.names = sorted(
            os.path.relpath(os.path.join(folder, name), root)
            for folder, _, names in os.walk(root) for name in names)

    def __len__(self):
        return len(self.names)

    def Get(self, name):
        try:
            with open(os.path.join(self.root, name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def Glob(self, pattern):
        return {name: b"" for name in self.names if fnmatch.fnmatchcase(name, pattern)
                and name.count("/") == pattern.count("/")}


class APIVersions:
    def __init__(self, names):
        self.names = set(names)

    def Has(self, name):
        return name in self.names


def semver_compare(constraint, version):
    """`>=1.21.0-0`, the one form in use: a version before release counts as well."""
    match = re.fullmatch(r"(>=|<)(\d+)\.(\d+)\.(\d+)-0", constraint)
    if not match:
        raise TemplateError(f"semverCompare: {constraint}")
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    left = tuple(int(part) for part in found.groups())
    right = tuple(int(part) for part in match.groups()[1:])
    return left >= right if match.group(1) == ">=" else left < right


def indent(width, text):
    return "\n".join(" " * int(width) + line for line in text.split("\n"))


def required(message, value):
    if value is None or value == "":
        raise TemplateError(message)
    return value


def fail(message):
    raise TemplateError(message)


def quote(value):
    text = go_text(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def printf(form, *values):
    return form % tuple(go_text(v) if not isinstance(v, int) or "%s" in form else v for v in values)


FUNCTIONS = {
    "quote": quote,
    "toYaml": to_yaml,
    "indent": indent,
    "nindent": lambda width, text: "\n" + indent(width, text),
    "default": lambda standard, value=None: value if is_true(value) else standard,
    "eq": lambda left, *rights: any(left == right for right in rights),
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left > right,
    "lt": lambda left, right: left < right,
    "not": lambda value: not is_true(value),
    "int": lambda value: int(value or 0),
    "toString": go_text,
    "printf": printf,
    "trunc": lambda count, text: text[:int(count)],
    "trimSuffix": lambda suffix, text: text.removesuffix(suffix),
    "replace": lambda old, new, text: text.replace(old, new),
    "first": lambda items: items[0] if items else None,
    "join": lambda glue, items: glue.join(go_text(item) for item in items or []),
    "ternary": lambda yes, no, choice: yes if choice else no,
    "dict": lambda *pairs: dict(zip(pairs[::2], pairs[1::2])),
    "omit": lambda value, *keys: {k: v for k, v in (value or {}).items() if k not in keys},
    "semverCompare": semver_compare,
    "required": required,
    "fail": fail,
}


class Node:
    def __init__(self, kind, value=None):
        self.kind, self.value = kind, value
        self.branches, self.otherwise = [], []


def parse(text, name):
    """Pieces of text and actions, white space trimmed where `-` says so, as a tree."""
    root = Node("root")
    root.branches.append(("", []))
    stack = [(root, root.branches[0][1])]
    position, trim_left = 0, False
    for match in TRIM.finditer(text):
        piece = text[position:match.start()]
        if trim_left:
            piece = piece.lstrip(" \t\r\n")
        if match.group(1):
            piece = piece.rstrip(" \t\r\n")
        if piece:
            stack[-1][1].append(Node("text", piece))
        position, trim_left = match.end(), bool(match.group(3))
        action = match.group(2).strip()
        if action.startswith("/*"):
            continue
        word = action.split(None, 1)[0] if action else ""
        rest = action[len(word):].strip()
        if word in ("if", "with", "range", "define"):
            node = Node(word)
            node.branches.append((rest, []))
            stack[-1][1].append(node)
            stack.append((node, node.branches[0][1]))
        elif word == "else":
            node = stack[-1][0]
            if rest.startswith("if "):
                node.branches.append((rest[3:], []))
                stack[-1] = (node, node.branches[-1][1])
            else:
                stack[-1] = (node, node.otherwise)
        elif word == "end":
            if len(stack) == 1:
                raise TemplateError(f"{name}: end without a beginning")
            stack.pop()
        else:
            stack[-1][1].append(Node("action", action))
    piece = text[position:]
    if trim_left:
        piece = piece.lstrip(" \t\r\n")
    if piece:
        stack[-1][1].append(Node("text", piece))
    if len(stack) != 1:
        raise TemplateError(f"{name}: something is not ended")
    return root.branches[0][1]


class Renderer:
    def __init__(self):
        self.defined = {}

    def load(self, nodes):
        for node in nodes:
            if node.kind == "define":
                self.defined[node.branches[0][0].strip('"')] = node.branches[0][1]

    def run(self, nodes, dot, scopes):
        output = []
        for node in nodes:
            if node.kind == "text":
                output.append(node.value)
            elif node.kind == "action":
                output.append(self.action(node.value, dot, scopes))
            elif node.kind == "if":
                chosen = next((body for condition, body in node.branches
                               if is_true(self.pipeline(condition, dot, scopes))), node.otherwise)
                output.append(self.run(chosen, dot, scopes + [{}]))
            elif node.kind == "with":
                value = self.pipeline(node.branches[0][0], dot, scopes)
                if is_true(value):
                    output.append(self.run(node.branches[0][1], value, scopes + [{}]))
                else:
                    output.append(self.run(node.otherwise, dot, scopes + [{}]))
            elif node.kind == "range":
                output.append(self.loop(node, dot, scopes))
        return "".join(output)

    def loop(self, node, dot, scopes):
        head, body = node.branches[0]
        names = re.match(r"\$(\w+)\s*,\s*\$(\w+)\s*:=\s*", head)
        items = self.pipeline(head[names.end():] if names else head, dot, scopes)
        if not is_true(items):
            return self.run(node.otherwise, dot, scopes + [{}])
        pairs = sorted(items.items()) if isinstance(items, dict) else enumerate(items)
        output = []
        for key, value in pairs:
            scope = {names.group(1): key, names.group(2): value} if names else {}
            output.append(self.run(body, value, scopes + [scope]))
        return "".join(output)

    def action(self, text, dot, scopes):
        match = re.match(r"\$(\w+)\s*(:?=)(?!=)\s*", text)
        if not match:
            return go_text(self.pipeline(text, dot, scopes))
        value = self.pipeline(text[match.end():], dot, scopes)
        if match.group(2) == ":=":
            scopes[-1][match.group(1)] = value
        else:
            scope = next(s for s in reversed(scopes) if match.group(1) in s)
            scope[match.group(1)] = value
        return ""

    def pipeline(self, text, dot, scopes):
        tokens, position = [], 0
        while position < len(text.rstrip()):
            match = TOKEN.match(text, position)
            if not match:
                raise TemplateError(f"cannot read: {text[position:]}")
            tokens.append((match.lastgroup, match.group(match.lastgroup)))
            position = match.end()
        value, rest = self.piped(tokens, dot, scopes)
        if rest:
            raise TemplateError(f"too much: {text}")
        return value

    def piped(self, tokens, dot, scopes):
        value, tokens = self.command(tokens, dot, scopes, [])
        while tokens and tokens[0][0] == "pipe":
            value, tokens = self.command(tokens[1:], dot, scopes, [value])
        return value, tokens

    def command(self, tokens, dot, scopes, last):
        if not tokens:
            raise TemplateError("an empty command")
        kind, text = tokens[0]
        is_method = kind == "word" and re.search(r"\.(Get|Glob|Has)$", text)
        if kind == "word" and (text[0] not in ".$" or is_method) and text not in ("true", "false", "nil"):
            arguments, rest = [], tokens[1:]
            # `and` and `or` stop where the answer is known; their arguments have no effects here.
            while rest and rest[0][0] not in ("pipe", "close"):
                argument, rest = self.operand(rest, dot, scopes)
                arguments.append(argument)
            return self.call(text, arguments + last, dot, scopes), rest
        value, rest = self.operand(tokens, dot, scopes)
        if last:
            raise TemplateError(f"{text} takes no argument")
        return value, rest

    def operand(self, tokens, dot, scopes):
        kind, text = tokens[0]
        if kind == "string":
            if text[0] == "`":
                return text[1:-1], tokens[1:]
            return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m.group(1), m.group(1)),
                          text[1:-1]), tokens[1:]
        if kind == "number":
            return (float(text) if "." in text else int(text)), tokens[1:]
        if kind == "open":
            value, rest = self.piped(tokens[1:], dot, scopes)
            if not rest or rest[0][0] != "close":
                raise TemplateError("( without )")
            return value, rest[1:]
        if kind == "word":
            if text in ("true", "false", "nil"):
                return {"true": True, "false": False, "nil": None}[text], tokens[1:]
            if text[0] in ".$":
                return self.path(text, dot, scopes), tokens[1:]
            return self.call(text, [], dot, scopes), tokens[1:]
        raise TemplateError(f"unexpected {text}")

    def path(self, text, dot, scopes):
        if text == ".":
            return dot
        value = dot
        if text[0] == "$":
            name, _, text = text[1:].partition(".")
            scope = next((s for s in reversed(scopes) if name in s), None)
            if scope is None:
                raise TemplateError(f"${name} is not defined")
            value = scope[name]
        for part in text.strip(".").split(".") if text.strip(".") else []:
            if value is None:
                raise TemplateError(f"nil pointer: {text}")
            value = value.get(part) if isinstance(value, dict) else getattr(value, part)
        return value

    def call(self, name, arguments, dot, scopes):
        if name == "include":
            if arguments[0] not in self.defined:
                raise TemplateError(f"nothing is called {arguments[0]}")
            return self.run(self.defined[arguments[0]], arguments[1], [{"": arguments[1]}])
        if name == "and":
            return next((a for a in arguments if not is_true(a)), arguments[-1])
        if name == "or":
            return next((a for a in arguments if is_true(a)), arguments[-1])
        if name[0] in ".$":
            return self.path(name, dot, scopes)(*arguments)
        if name not in FUNCTIONS:
            raise TemplateError(f"unknown function {name}")
        return FUNCTIONS[name](*arguments)


def merge(base, over):
    """Values as Helm merges them: maps by key, null removes, all else is replaced."""
    merged = copy.deepcopy(base)
    for key, value in (over or {}).items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def render(chart, values=None, name="demo", namespace="default", kube_version="v1.32.0",
           api_versions=()):
    """{file of the template: text}, NOTES.txt among them."""
    def read(path):
        with open(os.path.join(chart, path), encoding="utf-8") as file:
            return file.read()

    about = load_yaml(read("Chart.yaml"))
    top = {
        "Values": merge(load_yaml(read("values.yaml")) or {}, values),
        "Chart": {key[0].upper() + key[1:]: value for key, value in about.items()},
        "Release": {"Name": name, "Namespace": namespace, "Service": "Helm",
                    "IsInstall": True, "IsUpgrade": False, "Revision": 1},
        "Files": Files(chart),
        "Capabilities": {"KubeVersion": {"Version": kube_version},
                         "APIVersions": APIVersions(api_versions)},
        "Template": {"BasePath": f"{about['name']}/templates"},
    }
    renderer = Renderer()
    trees = {}
    for file in sorted(os.listdir(os.path.join(chart, "templates"))):
        trees[file] = parse(read(f"templates/{file}"), file)
        renderer.load(trees[file])
    output = {}
    for file, tree in trees.items():
        if file.startswith("_"):
            continue
        try:
            output[file] = renderer.run(tree, top, [{"": top}])
        except TemplateError as error:
            raise TemplateError(f"{file}: {error}") from error
    return output


ORDER = ["Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole",
         "ClusterRoleBinding", "Role", "RoleBinding", "PersistentVolumeClaim", "Service"]


def objects(output):
    """What a render would create, in the order Helm creates it."""
    found = []
    for file, text in sorted(output.items()):
        if file.endswith((".yaml", ".yml")):
            found += load_all(text)
    return sorted(found, key=lambda o: ORDER.index(o["kind"]) if o["kind"] in ORDER else len(ORDER))


def set_value(values, assignment):
    path, _, text = assignment.partition("=")
    *folders, leaf = path.split(".")
    for folder in folders:
        values = values.setdefault(folder, {})
    values[leaf] = load_yaml(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("chart")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--values")
    parser.add_argument("--name", default="demo")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--kube-version", default="v1.32.0")
    parser.add_argument("--api-versions", default="")
    arguments = parser.parse_args()
    values = {}
    if arguments.values:
        with open(arguments.values, encoding="utf-8") as file:
            values = load_yaml(file.read())
    for assignment in arguments.set:
        set_value(values, assignment)
    output = render(arguments.chart, values, arguments.name, arguments.namespace,
                    arguments.kube_version, arguments.api_versions.split(","))
    for file, text in output.items():
        if text.strip() and file != "NOTES.txt":
            print(f"---\n# Source: {file}\n{text.strip()}")


if __name__ == "__main__":
    try:
        main()
    except TemplateError as error:
        sys.exit(f"chart_renderer: {error}")
