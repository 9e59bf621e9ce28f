#!/usr/bin/env python3
"""Judges demo/kubernetes, as far as that goes without a cluster: check_demo.py WHAT --source DIR --heald PROGRAM

  objects   what kubectl renders fits Kubernetes' description, and its names, ports and arguments are
            those of the services and of each other
  pipeline  heald takes it, needs the rights that it gets, and heals what the script breaks
  script    demo/kubernetes/run says what is missing, and does one thing after the other where nothing is

One line per fault; exit code 1 if there is any, 77 where what is needed isn't there.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

from check_deploy import Description, load_all, run, skip

# What stands for the tools: each call is a line of $CALLS. Of kubectl's the words after `exec` are asked.
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$(basename "$0") $*" in
  *"heald incidents"*)
    echo "id     state      severity  target"
    # The second look finds it healed.
    if grep -q FAILURE_RATE=2 "$CALLS"; then
      echo "1      $([ -e "$CALLS.seen" ] && echo resolved || echo acting)   critical  payments"
      touch "$CALLS.seen"
    fi ;;
  *"heald explain"*) echo "the chain" ;;
  "minikube status"*) exit 1 ;;
esac
"""


class Demo:
    def __init__(self, source, heald):
        self.source = source
        self.heald = heald
        self.folder = source / "demo/kubernetes"

    def ports(self):
        text = (self.source / "demo/services/profile.h").read_text()
        return {name: int(port) for name, port in re.findall(r'\{"(\w+)", (\d+),', text)}

    def objects(self):
        kubectl = shutil.which("kubectl")
        if not kubectl:
            skip("no kubectl here")
        items = load_all(run([kubectl, "kustomize", self.folder]))
        description = Description(self.source)
        faults = [fault for item in items for fault in description.faults(item)]
        self.addresses = {}
        pods = {}
        for item in items:
            at = (item["metadata"].get("namespace"), item["metadata"]["name"])
            if item["kind"] == "Deployment":
                pods[at] = item["spec"]["template"]
                if item["spec"]["selector"]["matchLabels"] != pods[at]["metadata"]["labels"]:
                    faults.append(f"{at}: its selector isn't its pods' labels")
            if item["kind"] == "Service":
                self.addresses[at] = {port["port"] for port in item["spec"]["ports"]}
        for item in items:
            faults += self.link_faults(item, pods)
        for (namespace, name), pod in pods.items():
            faults += self.pod_faults(namespace, name, pod["spec"]["containers"][0])
        return faults + self.prometheus_faults(items)

    def link_faults(self, item, pods):
        """What points at a Deployment has to find it."""
        namespace = item["metadata"].get("namespace")
        if item["kind"] == "HorizontalPodAutoscaler":
            target = pods.get((namespace, item["spec"]["scaleTargetRef"]["name"]))
            if target is None or "cpu" not in target["spec"]["containers"][0]["resources"]["requests"]:
                yield f"autoscaler {item['metadata']['name']}: no such Deployment, or no request of CPU"
        if item["kind"] == "Service":
            found = [pod for (place, _), pod in pods.items() if place == namespace and
                     item["spec"]["selector"].items() <= pod["metadata"]["labels"].items()]
            ports = {port["name"] for pod in found for port in pod["spec"]["containers"][0]["ports"]}
            wanted = {port["targetPort"] for port in item["spec"]["ports"]}
            if len(found) != 1 or not wanted <= ports:
                yield f"Service {item['metadata']['name']}: finds {len(found)} Deployments with ports {ports}"

    def pod_faults(self, namespace, name, container):
        words = [*container.get("command", []), *container.get("args", [])]
        values = [entry.get("value", "") for entry in container.get("env", [])]
        for word in [*words, *values]:
            for host, port in re.findall(r"http://([\w.-]+):(\d+)", str(word)):
                place = host.removesuffix(".svc").split(".")
                at = (place[1] if len(place) > 1 else namespace, place[0])
                if int(port) not in self.addresses.get(at, set()):
                    yield f"{name}: there is no Service for http://{host}:{port}"
        image = container["image"]
        local = {"agent": "heald:latest", "demo": "heald-demo:latest"}
        if "/" not in image and (image not in local.values() or container["imagePullPolicy"] != "Never"):
            yield f"{name}: {image} isn't one that the script loads, or may be pulled"
        ports = self.ports()
        if name in ports:
            told = dict(zip(words[::2], words[1::2]))
            if (told["--service"], told["--port"]) != (name, str(ports[name])):
                yield f"{name}: runs as {told['--service']} on {told['--port']}"
            if container["ports"][0]["containerPort"] != ports[name]:
                yield f"{name}: its port isn't {ports[name]}"
            program = self.heald.parent / "heald-demo-service"
            options = run([program, "--help"])
            yield from (f"{name}: the program has no {option}" for option in told if option not in options)

    def prometheus_faults(self, items):
        faults = []
        config = yaml.safe_load((self.folder / "prometheus.yml").read_text())
        for job in config["scrape_configs"]:
            for entry in job.get("static_configs", []):
                for target in entry["targets"]:
                    host, port = target.split(":")
                    if int(port) not in self.addresses.get(("monitoring", host), set()):
                        faults.append(f"Prometheus: there is no Service for {target}")
            job.pop("kubernetes_sd_configs", None)  # Debian's promtool is built without it
            job.pop("authorization", None)
        if shutil.which("promtool"):
            with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
                yaml.safe_dump(config, file)
                file.flush()
                run(["promtool", "check", "config", file.name])
        # kube-state-metrics tells of what the packs ask for, and may read it.
        rules = [rule for item in items if item["kind"] == "ClusterRole"
                 and item["metadata"]["name"].endswith("kube-state-metrics") for rule in item["rules"]]
        allowed = {resource for rule in rules for resource in rule["resources"]}
        args = [item["spec"]["template"]["spec"]["containers"][0]["args"][0] for item in items
                if item["kind"] == "Deployment" and item["metadata"]["name"] == "kube-state-metrics"]
        served = set(args[0].removeprefix("--resources=").split(","))
        asked = {kind + "s" for path in (self.source / "configs/packs").glob("*.yaml")
                 for kind in re.findall(r"\bkube_(pod|node|deployment|replicaset|job)_", path.read_text())}
        if not asked == served == allowed:
            faults.append(f"kube-state-metrics: asked for {asked}, serves {served}, may read {allowed}")
        return faults

    def pipeline(self):
        file = self.folder / "pipeline.yaml"
        run([self.heald, "check", file])
        run([self.heald, "test", file])
        rights = run([self.heald, "rbac", file])
        if rights != (self.source / "configs/deploy/kubernetes/rbac.yaml").read_text():
            return ["the pipeline needs other rights than it gets from configs/deploy/kubernetes"]
        return []

    def script(self):
        script = self.folder / "run"
        faults = []
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            calls = folder / "calls"

            def call(tools, *arguments, **more):
                shutil.rmtree(folder / "bin", ignore_errors=True)
                (folder / "bin").mkdir()
                for tool in ("bash", "dirname", "basename", "sed", "awk", "date", "grep", "openssl", "touch"):
                    (folder / "bin" / tool).symlink_to(shutil.which(tool))
                for tool in (*tools, "sleep"):
                    (folder / "bin" / tool).write_text(STUB.replace("/bin/sh", shutil.which("sh")))
                    (folder / "bin" / tool).chmod(0o755)
                calls.write_text("")
                return subprocess.run([script, *arguments], capture_output=True, text=True, timeout=50,
                                      env={"PATH": str(folder / "bin"), "CALLS": str(calls), **more})

            def expect(holds, what):
                if not holds:
                    faults.append(f"run: {what}")

            bare = call([], "up")
            expect(bare.returncode == 1 and all(f"missing: {tool}" in bare.stderr for tool in
                                                ("kubectl", "docker", "minikube or kind")),
                   f"doesn't say what is missing: {bare.stderr}")
            expect(call([], "brake").returncode == 2, "takes an unknown verb")
            other = call(["kubectl", "docker", "minikube"], "up", CLUSTER="kind")
            expect("kind, which CLUSTER asks for" in other.stderr, "takes another cluster than was asked for")
            for cluster, context in (("minikube", "heald-demo"), ("kind", "kind-heald-demo")):
                (folder / "calls.seen").unlink(missing_ok=True)
                done = call(["kubectl", "docker", cluster], "all")
                expect(done.returncode == 0 and done.stdout.rstrip().endswith("the chain"),
                       f"{cluster}: {done.stderr}{done.stdout}")
                made = calls.read_text()
                order = [made.find(words) for words in
                         ("--target agent", "--target demo", "heald-demo:latest", "apply -k demo/kubernetes",
                          "deployment/load", "FAILURE_RATE=2", "heald explain 1")]
                expect(-1 not in order and order == sorted(order), f"{cluster}: another order: {made}")
                expect(all(f"--context {context} " in line for line in made.splitlines()
                           if line.startswith("kubectl")), f"{cluster}: asks a cluster that isn't its own")
        # What it switches on is something that the service can't start with.
        program = self.heald.parent / "heald-demo-service"
        done = subprocess.run([program, "--service", "payments", "--port", "0"], capture_output=True, timeout=20,
                              env={**os.environ, "CHAOS_ENABLED": "true", "FAILURE_RATE": "2"})
        expect(done.returncode == 1, "payments starts with the setting that is to break it")
        return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["objects", "pipeline", "script"])
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--heald", type=pathlib.Path, required=True)
    given = parser.parse_args()
    faults = list(getattr(Demo(given.source, given.heald), given.what)())
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
