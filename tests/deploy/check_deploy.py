#!/usr/bin/env python3
"""Judges what configs/deploy holds: check_deploy.py WHAT --source DIR --heald PROGRAM

  rights         the roles are what `heald rbac` prints for the pipeline beside them
  objects        the manifests fit Kubernetes' own description, and heald's pod is locked up
  alerts         alerts ask for metrics that exist, in PromQL that promtool takes, and fire when they should
  kustomization  kubectl renders it, and what it renders fits too, rights in other namespaces as well
  image          the Dockerfile installs the libraries that the programs are linked with
  values         the chart's templates, values, schema and files name the same things
  chart          helm renders the chart, with its defaults and with everything switched on

One line per fault; exit code 1 if there is any, 77 where what is needed isn't there.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

SKIPPED = 77
# Custom resources of the Prometheus operator: no part of Kubernetes' description.
FOREIGN = {"PrometheusRule", "ServiceMonitor", "Kustomization"}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


class Description:
    """Kubernetes' OpenAPI document (v2): is an object one of its kinds, with known fields only?"""

    def __init__(self, source):
        shared = pathlib.Path(os.environ.get("HEALD_SHARED", source / ".." / "shared"))
        path = shared / "specs/k8s-1.26.5-live-openapi-v2.json"
        if not path.exists():
            skip(f"no API description at {path}: set HEALD_SHARED")
        self.definitions = json.loads(path.read_text())["definitions"]
        self.kinds = {}
        for name, definition in self.definitions.items():
            for kind in definition.get("x-kubernetes-group-version-kind", []):
                key = (f"{kind['group']}/{kind['version']}".lstrip("/"), kind["kind"])
                self.kinds[key] = name

    def faults(self, item):
        key = (item.get("apiVersion"), item.get("kind"))
        if item.get("kind") in FOREIGN:
            return []
        if key not in self.kinds:
            return [f"{key}: no such kind"]
        at = f"{key[1]} {item['metadata'].get('name')}"
        return list(self.walk(item, self.definitions[self.kinds[key]], at))

    def walk(self, value, schema, at):
        if "$ref" in schema:
            schema = self.definitions[schema["$ref"].rsplit("/", 1)[1]]
        if schema.get("format") == "int-or-string":
            if not isinstance(value, (int, str)) or isinstance(value, bool):
                yield f"{at}: {value!r} is neither a number nor a text"
            return
        wanted = {"string": str, "boolean": bool, "integer": int, "number": (int, float),
                  "array": list, "object": dict}[schema.get("type", "object")]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            yield f"{at}: {value!r} is no {schema.get('type', 'object')}"
            return
        if isinstance(value, list):
            for i, item in enumerate(value):
                yield from self.walk(item, schema["items"], f"{at}[{i}]")
        if not isinstance(value, dict):
            return
        for name in schema.get("required", []):
            if name not in value:
                yield f"{at}: lacks {name}"
        known = schema.get("properties")
        for name, member in value.items():
            if known is not None and name in known:
                yield from self.walk(member, known[name], f"{at}.{name}")
            elif "additionalProperties" in schema:
                yield from self.walk(member, schema["additionalProperties"], f"{at}.{name}")
            elif known is not None:
                yield f"{at}.{name}: no such field"


def load_all(text):
    return [item for item in yaml.safe_load_all(text) if item]


def pod_faults(items):
    """What the restricted pod security standard asks for, and what heald needs beside it."""
    deployments = [item for item in items if item["kind"] == "Deployment"]
    if len(deployments) != 1:
        return [f"{len(deployments)} Deployments instead of one"]
    spec = deployments[0]["spec"]["template"]["spec"]
    container = spec["containers"][0]
    context = container.get("securityContext", {})
    faults = []

    def expect(holds, what):
        if not holds:
            faults.append(f"the pod: {what}")

    expect(spec["securityContext"].get("runAsNonRoot") is True, "may run as root")
    expect(spec["securityContext"].get("seccompProfile", {}).get("type") == "RuntimeDefault",
           "has no seccomp profile")
    expect(context.get("readOnlyRootFilesystem") is True, "may write to its root")
    expect(context.get("allowPrivilegeEscalation") is False, "may gain privileges")
    expect(context.get("capabilities", {}).get("drop") == ["ALL"], "keeps capabilities")
    expect(container["livenessProbe"]["httpGet"]["path"] == "/healthz", "liveness isn't /healthz")
    expect(container["readinessProbe"]["httpGet"]["path"] == "/readyz", "readiness isn't /readyz")
    expect("memory" in container["resources"]["limits"], "has no limit of memory")
    expect(deployments[0]["spec"]["strategy"]["type"] == "Recreate", "two may run at once")
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    expect(mounts == {volume["name"] for volume in spec["volumes"]}, "volumes don't match")
    names = {(item["kind"], item["metadata"]["name"]) for item in items}
    data = {item["metadata"]["name"]: item.get("data", {}) for item in items
            if item["kind"] == "ConfigMap"}
    for volume in spec["volumes"]:
        for part in volume.get("projected", {}).get("sources", []):
            config = part["configMap"]
            expect(config["name"] in data, f"its ConfigMap {config['name']} is missing")
            keys = {entry["key"] for entry in config.get("items", [])}
            expect(not keys or keys == set(data.get(config["name"], {})),
                   f"it doesn't mount what {config['name']} has")
            for entry in config.get("items", []):
                expect(entry["path"] == f"packs/{entry['key']}", f"{entry['key']} isn't in packs/")
    labels = deployments[0]["spec"]["template"]["metadata"]["labels"].items()
    for item in items:
        if item["kind"] == "Service":
            expect(item["spec"]["selector"].items() <= labels, "the Service doesn't find it")
        if item["kind"] == "NetworkPolicy":
            expect(item["spec"]["podSelector"]["matchLabels"].items() <= labels,
                   "the NetworkPolicy doesn't find it")
    expect(("ServiceAccount", spec["serviceAccountName"]) in names, "its ServiceAccount is missing")
    return faults


def run(arguments, **environment):
    variables = {**os.environ, "HEALD_TOKEN": "0123456789abcdef", **environment}
    done = subprocess.run(arguments, capture_output=True, text=True,
                          env={name: text for name, text in variables.items() if text})
    if done.returncode != 0:
        print(f"{' '.join(map(str, arguments))}: {done.stderr.strip()}{done.stdout.strip()}")
        sys.exit(1)
    return done.stdout


JSON_TYPES = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object"}


def has(values, name):
    for part in name.split("."):
        if not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


def leaves(values, prefix=""):
    """(name, value) of all that isn't a mapping with members."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def typed_by(schema, path):
    """What a JSON schema with local references says of this member; None: it doesn't know it."""
    whole = schema
    for part in path:
        if "$ref" in schema:
            schema = whole["definitions"][schema["$ref"].rsplit("/", 1)[1]]
        if part in schema.get("properties", {}):
            schema = schema["properties"][part]
        elif "properties" in schema:
            return None
        else:
            schema = schema.get("additionalProperties", {})
    return schema


def known_to(schema, prefix=""):
    for key, member in schema.get("properties", {}).items():
        if "properties" in member:
            yield from known_to(member, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def library_faults(stage, installed, programs):
    """What a stage of the Dockerfile lacks, or installs for nothing, to run these programs."""
    wanted = set()
    for program in programs:
        for name in re.findall(r"NEEDED +(\S+)", run(["objdump", "-p", program])):
            if not re.match(r"ld-|lib(c|m|gcc_s|asan|ubsan|tsan)\.so", name):
                wanted.add(name)
    # Debian has some libraries for other machines as well.
    packages = {name: {line.split(":")[0] for line in
                       run(["dpkg", "-S", f"*/{name}"]).splitlines() if "lib32" not in line}
                for name in wanted}
    faults = [f"stage {stage}: {name} is missing: install one of {sorted(owners)}"
              for name, owners in packages.items() if not owners & installed]
    spare = installed - set().union(*packages.values()) if stage == "agent" else set()
    return faults + [f"stage {stage}: nothing needs {name}" for name in sorted(spare)]


class Deploy:
    def __init__(self, source, heald):
        self.source = source
        self.heald = heald
        self.manifests = source / "configs/deploy/kubernetes"
        self.chart = source / "configs/deploy/helm/heald"
        self.pipeline = self.manifests / "pipeline.yaml"

    def files(self):
        for path in sorted([*self.manifests.glob("*.yaml"), *self.manifests.glob("*/*.yaml")]):
            if path != self.pipeline and path.parent.name != "packs":
                yield path

    def packs(self):
        """The packs' texts by the names that a ConfigMap has for them."""
        return {path.name: path.read_text() for path in
                sorted((self.source / "configs/packs").glob("*.yaml"))
                if not path.stem.endswith("_test")}

    def rights(self):
        # On the machine of whoever deploys it: without the agent's secrets.
        printed = run([self.heald, "rbac", self.pipeline], HEALD_TOKEN="")
        written = (self.manifests / "rbac.yaml").read_text()
        faults = []
        if printed != written:
            faults.append("rbac.yaml isn't what `heald rbac pipeline.yaml` prints: write it anew")
        values = yaml.safe_load((self.chart / "values.yaml").read_text())
        wanted = yaml.safe_load(run([self.heald, "rbac", "--format", "helm", self.pipeline],
                                    HEALD_TOKEN=""))
        for key, rules in wanted["rbac"].items():
            if values["rbac"][key] != rules:
                faults.append(f"rbac.{key} of the chart's values isn't what `heald rbac --format "
                              "helm pipeline.yaml` prints: write it anew")
        return faults

    def objects(self):
        description = Description(self.source)
        faults = []
        items = []
        for path in self.files():
            for item in load_all(path.read_text()):
                if item["kind"] != "Kustomization":
                    items.append(item)
                faults += [f"{path.name}: {fault}" for fault in description.faults(item)]
        for name, data in (("heald-pipeline", {}), ("heald-packs", self.packs())):
            items.append({"kind": "ConfigMap", "metadata": {"name": name}, "data": data})
        broken = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
                  "spec": {"ports": [{"prot": 1}]}}
        if len(description.faults(broken)) != 2:
            faults.append("the check itself finds nothing")
        return faults + pod_faults(items)

    def alerts(self):
        rule = yaml.safe_load((self.manifests / "monitoring/prometheusrule.yaml").read_text())
        known = set(re.findall(r"^\| `(\w+)`", (self.source / "core/telemetry/METRICS.md")
                               .read_text(), re.MULTILINE))
        # Those of plugins are named in their READMEs.
        for readme in (self.source / "plugins").glob("*/*/README.md"):
            known |= set(re.findall(r"\bheald_plugin_\w+", readme.read_text()))
        faults = []
        for alert in rule["spec"]["groups"][0]["rules"]:
            for name in re.findall(r"\bheald_\w+", alert["expr"]):
                if name not in known:
                    faults.append(f"{alert['alert']}: there is no metric {name}")
        promtool = shutil.which("promtool")
        if promtool:
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "alerts.yaml"
                path.write_text(yaml.safe_dump(rule["spec"]))
                run([promtool, "check", "rules", path])
                test = shutil.copy(self.source / "tests/deploy/alerts_test.yaml", folder)
                run([promtool, "test", "rules", test])
        return faults

    def kustomization(self):
        kubectl = shutil.which("kubectl")
        if not kubectl:
            skip("no kubectl here")
        items = load_all(run([kubectl, "kustomize", self.manifests]))
        description = Description(self.source)
        faults = [fault for item in items for fault in description.faults(item)]
        faults += pod_faults(items) + self.config_faults(items)
        if any(item["kind"] in FOREIGN for item in items):
            faults.append("it needs the Prometheus operator")
        kinds = {item["kind"] for item in
                 load_all(run([kubectl, "kustomize", self.manifests / "monitoring"]))}
        if kinds != {"PrometheusRule", "ServiceMonitor"}:
            faults.append(f"monitoring/ has {kinds}")
        # Rights that were asked for in some namespaces stay there.
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "heald"
            shutil.copytree(self.manifests, copy)
            (copy / "rbac.yaml").write_text(run([self.heald, "rbac", "--namespace", "shop",
                                                 "--namespace", "web", copy / "pipeline.yaml"]))
            items = load_all(run([kubectl, "kustomize", copy]))
            places = {item["metadata"]["namespace"] for item in items if item["kind"] == "Role"}
            # Events of nodes are in the namespace default.
            if places - {"default"} != {"shop", "web"}:
                faults.append(f"Roles for shop and web are made in {sorted(places)}")
        return faults

    def config_faults(self, items):
        """What is mounted is the pipeline and the packs, and passes the check as it is mounted."""
        files = {}
        for item in items:
            if item["kind"] == "ConfigMap":
                files.update(item["data"])
        wanted = {"pipeline.yaml": self.pipeline.read_text(), **self.packs()}
        if {name: text.strip() for name, text in files.items()} != {
                name: text.strip() for name, text in wanted.items()}:
            return ["the ConfigMaps aren't the pipeline and the packs"]
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "packs").mkdir()
            for name, text in files.items():
                where = "" if name == "pipeline.yaml" else "packs"
                (pathlib.Path(folder) / where / name).write_text(text)
            run([self.heald, "check", pathlib.Path(folder) / "pipeline.yaml"])
        return []

    def image(self):
        if not shutil.which("objdump") or not shutil.which("dpkg"):
            skip("no objdump or no dpkg here")
        stages = re.split(r"^FROM \S+ AS ([\w-]+)$", (self.source / "Dockerfile").read_text(),
                          flags=re.MULTILINE)
        installed = {name: set(re.findall(r"\b(?:lib[\w.+-]+|zlib1g)\b", text))
                     for name, text in zip(stages[1::2], stages[2::2])}
        tree = self.heald.parent.parent
        return [
            *library_faults("agent", installed["base"] | installed["agent"],
                            [self.heald, *tree.glob("lib/heald/*/*.so")]),
            *library_faults("demo-agent", installed["base"] | installed["agent"],
                            [self.heald, *tree.glob("lib/heald/*/*.so"), tree / "bin/heald-demo-upkeep"]),
            *library_faults("demo", installed["base"], [tree / "bin/heald-demo-service",
                                                        tree / "bin/heald-demo-chaos"])]

    def values(self):
        templates = {path.name: path.read_text() for path in (self.chart / "templates").iterdir()}
        values = yaml.safe_load((self.chart / "values.yaml").read_text())
        schema = json.loads((self.chart / "values.schema.json").read_text())
        used = {name for text in templates.values()
                for name in re.findall(r"\.Values\.([\w.]+)", text)}
        faults = [f".Values.{name} isn't in values.yaml" for name in sorted(used)
                  if not has(values, name)]
        for name, value in leaves(values):
            # What is given as a whole is used as a whole.
            if not any(name == other or name.startswith(f"{other}.") for other in used):
                faults.append(f"values.yaml: no template uses {name}")
            kind = typed_by(schema, name.split("."))
            if kind is None:
                faults.append(f"values.schema.json doesn't know {name}")
            elif kind.get("type") not in (None, JSON_TYPES[type(value)]):
                faults.append(f"values.schema.json: {name} is {value!r} by default, which is no "
                              f"{kind['type']}")
        for name in sorted(known_to(schema)):
            if name != "global" and not has(values, name):
                faults.append(f"values.schema.json: {name} isn't in values.yaml")
        defined = {name for text in templates.values()
                   for name in re.findall(r'define "([^"]+)"', text)}
        for file, text in templates.items():
            faults += [f"{file} includes {name}, which nothing defines"
                       for name in re.findall(r'include "([^"]+)"', text) if name not in defined]
            faults += [f"{file} reads {name}, which the chart hasn't got"
                       for name in re.findall(r'Files\.(?:Get|Glob) "([^"]+)"', text)
                       if not list(self.chart.glob(name))]
        return faults

    def rendered(self, helm, *arguments):
        return load_all(run([helm, "template", "watch", self.chart, "--namespace", "ops",
                             "--kube-version", "1.26.0", *arguments]))


def check_chart(deploy):
    helm = os.environ.get("HEALD_HELM") or shutil.which("helm")
    if not helm:
        skip("no helm here: set HEALD_HELM to one")
    description = Description(deploy.source)
    faults = []
    plain = deploy.rendered(helm)
    kinds = sorted(item["kind"] for item in plain)
    for kind in ("Ingress", "PrometheusRule", "ServiceMonitor"):
        if kind in kinds:
            faults.append(f"{kind} is made unasked")
    with tempfile.TemporaryDirectory() as folder:
        values = pathlib.Path(folder) / "values.yaml"
        values.write_text(yaml.safe_dump({
            "pipeline": "version: 1\n",
            "image": {"pullSecrets": ["pull"]},
            "rbac": {"namespaceRules": {"shop": [
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}},
            "serviceAccount": {"annotations": {"a": "b"}},
            "token": {"existingSecret": "mine"},
            "packs": {"mine": "version: 1\n"},
            "prometheusUrl": "http://prom",
            "env": [{"name": "ARGOCD_URL", "value": "https://argocd"}],
            "envFrom": [{"secretRef": {"name": "more"}}],
            "persistence": {"storageClass": "fast", "size": "5Gi"},
            "service": {"annotations": {"a": "b"}},
            "networkPolicy": {"from": []},
            "ingress": {"enabled": True, "host": "*.example.org", "className": "nginx",
                        "tlsSecret": "cert", "annotations": {"a": "b"},
                        "controllerNamespace": "traefik"},
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
            "podAnnotations": {"a": "b"},
            "nodeSelector": {"a": "b"},
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "priorityClassName": "system-cluster-critical",
        }))
        full = deploy.rendered(helm, "--values", values)
        lean = deploy.rendered(helm, "--set", "persistence.enabled=false,networkPolicy.enabled="
                               "false,rbac.create=false")
        values.write_text(yaml.safe_dump({"networkPolicy": {"from": []}}))
        closed = deploy.rendered(helm, "--values", values)
        for items in (plain, full, lean, closed):
            faults += [fault for item in items for fault in description.faults(item)]
            faults += pod_faults(items)
        for kind in ("Ingress", "PrometheusRule", "ServiceMonitor", "Role", "RoleBinding"):
            if kind not in {item["kind"] for item in full}:
                faults.append(f"{kind} is missing where it was asked for")
        if any(item["kind"] in ("Role", "ClusterRole", "NetworkPolicy") for item in lean):
            faults.append("what was switched off is made")
        faults += deploy.config_faults(plain)
        if not any("mine.yaml" in item["data"] for item in full if item["kind"] == "ConfigMap"):
            faults.append("a pack of the values isn't mounted")
        if "traefik" not in str([item for item in full if item["kind"] == "NetworkPolicy"]):
            faults.append("the ingress controller isn't let in")
        if any(item["spec"]["ingress"] for item in closed if item["kind"] == "NetworkPolicy"):
            faults.append("networkPolicy.from: [] lets somebody in")
        wrong = subprocess.run([helm, "template", deploy.chart, "--kube-version", "1.26.0",
                                "--set", "ingress.enabled=true,servce.port=1"],
                               capture_output=True, text=True)
        for words in ("ingress.host", "servce"):
            if wrong.returncode == 0 or words not in wrong.stderr:
                faults.append(f"values.schema.json doesn't find what is wrong with {words}")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["rights", "objects", "alerts", "kustomization", "image",
                                         "values", "chart"])
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--heald", type=pathlib.Path, required=True)
    given = parser.parse_args()
    deploy = Deploy(given.source, given.heald)
    faults = check_chart(deploy) if given.what == "chart" else getattr(deploy, given.what)()
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
