# SPDX-License-Identifier: Apache-2.0
"""The rules of the definitions, in CEL, on the table of Tests/KubeTests/Golden/spec-cases.yaml.

SpecCheckTests asks the rules in Swift about the same table, so that both say the same. The CEL is
evaluated by cel-python; what Kubernetes adds to CEL (quantity, split) is added here.
"""
import os
import sys

from chart_renderer import load_yaml

try:
    import celpy
    from celpy import celtypes
except ImportError:
    print("SKIPPED rules in CEL: no cel-python (scripts/setup installs it)")
    sys.exit(0)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "m": 10**-3,
         "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}


class Quantity(celtypes.DoubleType):
    def __new__(cls, text):
        digits = text.rstrip("KMGTPkmi")
        return super().__new__(cls, float(digits) * UNITS[text[len(digits):]])


FUNCTIONS = {
    "quantity": lambda text: Quantity(str(text)),
    "compareTo": lambda left, right: celtypes.IntType((left > right) - (left < right)),
    "asApproximateFloat": lambda quantity: celtypes.DoubleType(float(quantity)),
    "split": lambda text, glue: celtypes.ListType(
        celtypes.StringType(part) for part in str(text).split(str(glue))),
    "substring": lambda text, start: celtypes.StringType(str(text)[int(start):]),
}


def definition(kind):
    folder = f"{ROOT}/Manifests/crds"
    for name in os.listdir(folder):
        with open(f"{folder}/{name}", encoding="utf-8") as file:
            found = load_yaml(file.read())
        if found["spec"]["names"]["kind"] == kind:
            return found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    raise KeyError(kind)


def fill(value, schema):
    """Defaults, as an API server fills them in."""
    if isinstance(value, dict):
        for name, child in (schema.get("properties") or {}).items():
            if name not in value and "default" in child:
                value[name] = load_yaml(str(child["default"])) if isinstance(
                    child["default"], dict) and not child["default"] else child["default"]
                if isinstance(value[name], dict):
                    value[name] = dict(value[name])
            if name in value:
                fill(value[name], child)
    elif isinstance(value, list):
        for item in value:
            fill(item, schema.get("items") or {})
    return value


def walk(new, old, schema, path):
    """(path, rule, new, old) of every rule that would be asked."""
    for rule in schema.get("x-kubernetes-validations") or []:
        if "oldSelf" not in rule["rule"] or old is not None:
            yield path, rule, new, old
    if isinstance(new, dict):
        for name, child in (schema.get("properties") or {}).items():
            if name in new:
                before = old.get(name) if isinstance(old, dict) else None
                yield from walk(new[name], before, child, f"{path}.{name}".lstrip("."))
    elif isinstance(new, list):
        for index, item in enumerate(new):
            yield from walk(item, None, schema.get("items") or {}, f"{path}[{index}]")


environment = celpy.Environment()
programs = {}


def holds(rule, new, old):
    text = rule["rule"]
    if text not in programs:
        programs[text] = environment.program(environment.compile(text), functions=FUNCTIONS)
    names = {"self": celpy.json_to_cel(new)}
    if old is not None:
        names["oldSelf"] = celpy.json_to_cel(old)
    return bool(programs[text].evaluate(names))


def said(case):
    schema = definition(case.get("kind", "EtcdCluster"))
    name = case.get("object", "demo")
    whole = lambda spec: fill({"metadata": {"name": name}, "spec": spec}, schema)
    new = whole(case["spec"])
    old = whole(case["old"]) if "old" in case else None
    problems = []
    for path, rule, value, before in walk(new, old, schema, ""):
        if not holds(rule, value, before):
            field = path + rule.get("fieldPath", "")
            if not path:
                problems.append((f"metadata.name", rule["message"]))
            else:
                problems.append((field, rule["message"]))
    return problems


def main():
    with open(f"{ROOT}/Tests/KubeTests/Golden/spec-cases.yaml", encoding="utf-8") as file:
        cases = load_yaml(file.read())
    failures, asked = [], 0
    # What the values of the schema refuse never comes to the rules.
    by_value = ("should match", "should be", "must be of type", "Unsupported", "Too long",
                "Required value", "Duplicate value")
    for case in cases:
        wanted = case.get("refused") or []
        if any(word in problem for problem in wanted for word in by_value):
            continue
        asked += 1
        try:
            found = said(case)
        except Exception as error:  # A rule that cannot be evaluated refuses everything.
            failures.append(f"{case['name']}: {type(error).__name__}: {error}")
            continue
        messages = sorted(f"{field}|{message}" for field, message in found)
        expected = sorted(
            problem.split(": ", 1)[0] + "|" + problem.split(": ")[-1] for problem in wanted)
        if messages != expected:
            failures.append(f"{case['name']}: CEL says {messages}, the table {expected}")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"rules in CEL: {asked} cases asked, {len(programs)} rules, {len(failures)} failed")
    sys.exit(1 if failures or asked < 40 else 0)


main()
