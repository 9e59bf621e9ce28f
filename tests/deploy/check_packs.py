#!/usr/bin/env python3
"""Judges what configs/packs holds: check_packs.py --source DIR

  - every pack has the vars that configs/README.md promises, and asks a person in production
  - a step that is refused makes way for the next one, and no guard of the chain holds its alert
  - the pipelines that have all packs do have them all, and tell of all that their policies do
  - promtool takes their queries and finds what they are to find (queries_test.yaml), where it is

One line per fault; exit code 1 if there is any.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

PROMISED = {"mode", "production", "production_mode", "excluded", "cooldown", "max_per_hour"}
# Of a chain's alert they would be guards too, so each step has its own.
OF_ONE_STEP = {"max_per_hour", "max_targets", "min_healthy"}


class Pack:
    def __init__(self, path):
        self.name = path.stem
        self.content = yaml.safe_load(path.read_text())
        self.vars = self.content["vars"]

    def queries(self):
        """As rules that promtool can judge, named source:query."""
        for source, node in self.content["sources"].items():
            for query, text in node["config"]["queries"].items():
                text = re.sub(r"\$\{var\.(\w+)\}", lambda found: str(self.vars[found[1]]), text)
                yield {"record": f"{source}:{query}", "expr": text}

    def faults(self):
        for name in sorted(PROMISED - self.vars.keys()):
            yield f"{self.name}: has no var {name}"
        if self.vars.get("mode") != "shadow":
            yield f"{self.name}: isn't in shadow mode as it stands"
        asking = [name for name, policy in self.content["policies"].items()
                  if policy["mode"] == "${var.production_mode}"]
        if not asking:
            yield f"{self.name}: asks nobody in production"
        for name, policy in self.content["policies"].items():
            at = f"{self.name}: policy {name}"
            steps = policy.get("steps", [])
            if not steps:
                if policy["mode"] == "enforce" and policy["action"] != "alert":
                    yield f"{at}: acts whatever the mode"
                continue
            if steps[-1] != {"action": "alert"}:
                yield f"{at}: doesn't end with a person"
            for guard in sorted(OF_ONE_STEP & policy["guard"].keys()):
                yield f"{at}: {guard} would hold the alert too: it belongs to the steps"
            for step in steps[:-1]:
                if step.get("on_refused") != "next":
                    yield f"{at}: waits in silence when {step['action']} is refused"
                if "max_per_hour" not in step.get("guard", {}):
                    yield f"{at}: {step['action']} has no max_per_hour"


def pipeline_faults(path, packs):
    content = yaml.safe_load(path.read_text())
    entries = [entry if isinstance(entry, str) else entry["file"] for entry in content["include"]]
    faults = []
    if sorted(pathlib.Path(entry).stem for entry in entries) != [pack.name for pack in packs]:
        faults.append(f"{path.name}: doesn't include all packs")
    wanted = {policy for pack in packs for policy in pack.content["policies"]}
    told = set(content["notifiers"]["events"]["inputs"])
    if told != wanted:
        faults.append(f"{path.name}: notifier and policies differ by {sorted(told ^ wanted)}")
    return faults


def query_faults(packs, tests):
    promtool = shutil.which("promtool")
    if not promtool:
        print("no promtool here: the queries weren't looked at")
        return []
    rules = [rule for pack in packs for rule in pack.queries()]
    runs = list(yaml.safe_load_all(tests.read_text()))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "rules.yaml").write_text(yaml.safe_dump(
            {"groups": [{"name": "packs", "interval": "30s", "rules": rules}]}))
        for number, run in enumerate(runs):
            run["rule_files"] = ["rules.yaml"]
            (folder / f"test-{number}.yaml").write_text(yaml.safe_dump(run))
        files = [f"test-{number}.yaml" for number in range(len(runs))]
        for arguments in (["check", "rules", "rules.yaml"], ["test", "rules", *files]):
            done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True)
            if done.returncode != 0:
                return [f"promtool: {(done.stderr + done.stdout).strip()}"]
    return []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=pathlib.Path, required=True)
    configs = parser.parse_args().source / "configs"
    packs = [Pack(path) for path in sorted((configs / "packs").glob("*.yaml"))
             if not path.stem.endswith("_test")]
    faults = [fault for pack in packs for fault in pack.faults()]
    for path in ("kubernetes.yaml", "deploy/kubernetes/pipeline.yaml"):
        faults += pipeline_faults(configs / path, packs)
    faults += query_faults(packs, pathlib.Path(__file__).with_name("queries_test.yaml"))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
