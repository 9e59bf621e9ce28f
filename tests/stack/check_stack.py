#!/usr/bin/env python3
"""Judges demo/compose.yaml and what it mounts: check_stack.py WHAT --source DIR --heald PROGRAM

  compose    docker-compose takes every profile; images, ports, health checks and mounts are in order
  pipelines  heald takes the pipelines, and their tests pass
  rules      promtool and amtool take what Prometheus and Alertmanager read, and the rules' tests pass
  metrics    the table of the agent's metrics has those of the plugins
  grafana    its provisioning fits the stack; the dashboards are PromQL and ask for names that exist
  settings   .env.example names what compose.yaml takes, with its defaults, and each setting has its effect
  script     demo/stack says what is missing and does what its verbs say, as far as that goes without an Engine
  local      `demo/stack up --local` on a real Engine of its own: payments is broken in five ways and healed, and
             what happened is in PostgreSQL, in the broker and in the notifier's log; every query of the
             dashboards and rules answers, and the agent's metrics are those of its documentation

One line per fault; exit code 1 if there is any, 77 where what is needed isn't there.
"""
import argparse
import collections
import ctypes
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import yaml

SKIPPED = 77
PROFILES = {
    "minimal": {"orders", "users", "payments", "load", "heald", "prometheus"},
    "local": {"orders", "users", "payments", "load", "heald", "prometheus", "node-exporter",
              "alertmanager", "postgres", "kafka"},
    "full": {"orders", "users", "payments", "load", "heald", "prometheus", "node-exporter",
             "alertmanager", "postgres", "kafka", "loki", "alloy", "grafana", "jaeger"},
}
# Every setting that .env.example has to name, with another value than its default.
SETTINGS = {
    "PROMETHEUS_URL": "{url}/prometheus", "KUBECONFIG": "/root/.kube/config", "NAMESPACE": "shop",
    "SLACK_ENABLED": "true", "SLACK_WEBHOOK_URL": "{url}/slack", "SLACK_CHANNEL": "#ops",
    "KAFKA_BOOTSTRAP_SERVERS": "broker:19092", "KAFKA_TOPIC": "shop.events",
    "DATABASE_URL": "postgresql://me@database/mine", "ANOMALY_THRESHOLD": "6",
    "PREDICTION_WINDOW_MINUTES": "3", "COOLDOWN_SECONDS": "77", "CHECK_INTERVAL": "1s",
    "AUTO_REMEDIATION_ENABLED": "false", "CHAOS_ENABLED": "true", "FAILURE_RATE": "0.25",
    "LATENCY_SPIKE_RATE": "0.5", "OTEL_EXPORTER_OTLP_ENDPOINT": "{url}/otlp",
}
# Where a wrong value is refused, it is one that counts. KAFKA_TOPIC takes any; `local` uses another one.
WRONG = {
    "ANOMALY_THRESHOLD": ("much", "threshold: "), "PREDICTION_WINDOW_MINUTES": ("x", "horizon: "),
    "COOLDOWN_SECONDS": ("x", "cooldown: "), "CHECK_INTERVAL": ("soon", "interval: "),
    "DATABASE_URL": ("mysql://db", "store: "), "KAFKA_BOOTSTRAP_SERVERS": ("a:b", "brokers: "),
}
# Faults of what payments keeps outside of its container, and the policies that heal them.
UPKEEP = {"certificate": "certificate_renewal", "drift": "drift_repair", "disk": "disk_cleanup",
          "crash-loop": "restart_down"}
BUILT = {"heald-demo-agent:latest", "heald-demo:latest", "heald-local:latest"}

# What stands for docker and compose: each call is a line of $CALLS. $ENGINE is why the Engine doesn't
# answer, $CONTAINERS what there is, a line each; $LOGS what they print.
STUB = """#!/bin/sh
case "${0##*/} $*" in
  sleep*) exit 0 ;;
  "docker compose"*) exit 1 ;;
  "docker version"*) [ -z "$ENGINE" ] || { echo "$ENGINE"; exit 1; } ;;
  "docker ps"*load) echo load ;;
  "docker ps"*) [ -z "$CONTAINERS" ] || echo id ;;
  "docker inspect"*) printf '%b\\n' "$CONTAINERS" ;;
  "docker logs"*) echo "$LOGS" ;;
  *) echo "${COMPOSE_PROFILES:--} ${SLACK_ENABLED:--} $*" >>"$CALLS" ;;
esac
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            skip(f"no {program} here")


def run(arguments, expect=0, **environment):
    """Its output; the end of the check where the exit code isn't the expected one."""
    variables = {**os.environ, **environment}
    done = subprocess.run([str(word) for word in arguments], capture_output=True, text=True,
                          env={name: text for name, text in variables.items() if text is not None})
    if done.returncode != expect:
        print(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n"
              f"{done.stderr.strip()}{done.stdout.strip()}")
        sys.exit(1)
    return done.stdout


class Stack:
    def __init__(self, source, heald):
        self.source = source
        self.heald = heald
        self.demo = source / "demo"
        self.folder = self.demo / "compose"
        # Nobody's own settings.
        for name in [name for name in os.environ if name.startswith("COMPOSE_")]:
            del os.environ[name]

    def config(self, profile, env_file=None, **environment):
        """compose.yaml as docker-compose understands it."""
        files = ["-f", self.demo / "compose.yaml"]
        if profile == "local":
            files += ["-f", self.folder / "local-images.yaml"]
        with tempfile.NamedTemporaryFile() as empty:  # not a .env that somebody has made beside it
            return yaml.safe_load(run(
                ["docker-compose", "--env-file", env_file or empty.name, "--project-directory",
                 self.demo, *files, "config"], COMPOSE_PROFILES=profile, **environment))["services"]

    def compose(self):
        need("docker-compose")
        faults = []
        for profile, names in PROFILES.items():
            services = self.config(profile)
            # Parts of other profiles are printed as well.
            there = {name for name, service in services.items()
                     if profile in service.get("profiles", [])}
            if there != names:
                faults.append(f"{profile} has {sorted(there)}")
            for name in sorted(there):
                faults += [f"{profile}, {name}: {fault}"
                           for fault in self.service_faults(name, services[name], there)]
            pipeline = services["heald"]["command"][-1].replace("/etc/heald", str(self.source))
            if not pathlib.Path(pipeline).exists():
                faults.append(f"{profile}: there is no {pipeline}")
        services = self.config("full")
        ports = [self.host_port(port) for service in services.values()
                 for port in service.get("ports", [])]
        taken = set(re.findall(r"\b\d{4,5}\b", (self.source / "demo/services/profile.h").read_text()))
        faults += self.address_faults(set(services))
        for port, count in collections.Counter(ports).items():
            if count > 1 or port in taken | {"8080", "9090", "3000", "5432", "9092", "9093"}:
                faults.append(f"host port {port} clashes")
        return faults

    def address_faults(self, services):
        """What the stack's files call by name is one of its services."""
        for path in [self.demo / "compose.yaml", *self.folder.rglob("*.y*ml"), self.folder / "logs.alloy"]:
            text = re.sub(r"^ *(#|//).*", "", path.read_text(), flags=re.MULTILINE)
            for host in re.findall(r"(?:://|@|\[\")(\w[\w-]*)(?:/|:\d+)", text):
                if host not in services | {"localhost", "127", "hooks"}:
                    yield f"{path.name}: there is no service {host}"
        loki = yaml.safe_load((self.folder / "loki.yaml").read_text())
        asked = yaml.safe_load((self.folder / "full.yaml").read_text())["sources"]["loki"]["config"]["url"]
        if not asked.endswith(f":{loki['server']['http_listen_port']}}}"):
            yield f"loki listens on {loki['server']['http_listen_port']}, and heald asks {asked}"

    def host_port(self, port):
        return str(port["published"]) if isinstance(port, dict) else port.split(":")[-2]

    def service_faults(self, name, service, there):
        image = service["image"]
        if image not in BUILT and not re.search(r":v?\d+\.\d+", image):
            yield f"its image {image} has no version"
        if name != "load" and "healthcheck" not in service:
            yield "has no health check"
        for port in service.get("ports", []):
            address = port.get("host_ip") if isinstance(port, dict) else port.split(":")[0]
            if address != "127.0.0.1":
                yield f"port {port} is open to other machines"
        for other in service.get("depends_on", {}):
            if other not in there:
                yield f"waits for {other}, which isn't in this profile"
        mounts = [volume.split(":") for volume in service.get("volumes", [])]
        for mount in mounts:
            if mount[0].startswith(str(self.source)) and not pathlib.Path(mount[0]).exists():
                yield f"mounts {mount[0]}, which isn't there"
        # What its arguments name has to be mounted.
        targets = [mount[1] for mount in mounts]
        words = " ".join(service.get("command") or []) + " ".join(service.get("entrypoint") or [])
        for path in re.findall(r"/etc/heald/[\w./-]+", words):
            if not any(path == target or path.startswith(target + "/") for target in targets):
                yield f"{path} isn't mounted"

    def pipelines(self):
        for profile in PROFILES:
            run([self.heald, "check", self.folder / f"{profile}.yaml"])
        for profile in ("minimal", "full"):
            run([self.heald, "test", self.folder / f"{profile}.yaml"])
        return []

    def rules(self):
        need("promtool", "amtool")
        with tempfile.TemporaryDirectory() as folder:
            # As the stack's Prometheus sees them: the operator's object is unwrapped by what its entrypoint does.
            words = yaml.safe_load((self.demo / "compose.yaml").read_text())
            script = words["services"]["prometheus"]["entrypoint"][2].replace("$$", "$")
            config = (self.folder / "prometheus.yml").read_text()
            rules = self.source / "configs/deploy/kubernetes/monitoring/prometheusrule.yaml"
            command = script.split(" && ")[0].replace("/etc/heald/prometheusrule.yaml", str(rules))
            run(["sh", "-c", command.replace("/prometheus/", f"{folder}/")])
            path = pathlib.Path(folder) / "prometheus.yml"
            path.write_text(config.replace("/prometheus/", f"{folder}/")
                            .replace("rules/", f"{self.folder}/rules/"))
            run(["promtool", "check", "config", path])
            unwrapped = yaml.safe_load((pathlib.Path(folder) / "heald-rules.yml").read_text())
            if unwrapped != yaml.safe_load(rules.read_text())["spec"]:
                return ["the rules about heald reach Prometheus as something else"]
        for path in (self.folder / "rules").glob("*_test.yaml"):
            run(["promtool", "test", "rules", path])
        run(["amtool", "check-config", self.folder / "alertmanager.yml"])
        return []

    def grafana(self):
        need("promtool")
        faults = []
        services = yaml.safe_load((self.demo / "compose.yaml").read_text())["services"]
        sources = yaml.safe_load((self.folder / "grafana/datasources/datasources.yaml").read_text())
        for source in sources["datasources"]:
            host = urllib.parse.urlparse(source["url"]).hostname
            if host not in services:
                faults.append(f"data source {source['name']}: there is no service {host}")
        providers = yaml.safe_load((self.folder / "grafana/dashboards/dashboards.yaml").read_text())
        mounted = dict(volume.split(":")[:2] for volume in services["grafana"]["volumes"])
        for provider in providers["providers"]:
            if mounted.get("./dashboards") != provider["options"]["path"]:
                faults.append(f"dashboards are looked for in {provider['options']['path']}")
        known = self.documented() | {rule["record"] for group in self.service_rules()
                                     for rule in group["rules"] if "record" in rule}
        uids = {source["uid"] for source in sources["datasources"]} | {"${datasource}"}
        for path, dashboard in self.dashboards():
            queries = list(prometheus_queries(dashboard))
            with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
                rules = [{"record": f"query:{i}", "expr": query} for i, query in enumerate(queries)]
                yaml.safe_dump({"groups": [{"name": path.name, "rules": rules}]}, file)
                file.flush()
                run(["promtool", "check", "rules", file.name])
            for name in set(re.findall(r"\b(?:heald_\w+|slo:[\w:]+)", " ".join(queries))) - known:
                faults.append(f"{path.name}: nobody exports {name}")
            for panel in dashboard["panels"]:
                if panel["type"] != "row" and panel["datasource"]["uid"] not in uids:
                    faults.append(f"{path.name}, {panel['title']}: no such data source")
        return faults

    def dashboards(self):
        for path in sorted((self.demo / "dashboards").glob("*.json")):
            yield path, json.loads(path.read_text())

    def service_rules(self):
        return yaml.safe_load((self.folder / "rules/services.yml").read_text())["groups"]

    def documented(self):
        text = (self.source / "core/telemetry/METRICS.md").read_text()
        return set(re.findall(r"`((?:heald|process)_\w+)`", text))

    def metrics(self):
        """Those that plugins register are those of the table; a test in C++ does that for the agent's own."""
        registered = collections.defaultdict(set)
        for path in [*(self.source / "plugins").rglob("*.cc"), *(self.source / "plugins").rglob("*.h")]:
            for name in re.findall(r'\b(?:Counter|Gauge|Histogram)\(\s*"(\w+)"', path.read_text()):
                registered[f"heald_plugin_{name}"].add(path.parent.name)
        table = (self.source / "core/telemetry/METRICS.md").read_text()
        rows = {name: set(plugins.split(", ")) for plugins, name in
                re.findall(r"^\| ([\w, ]+) \| `(heald_plugin_\w+)`", table, re.MULTILINE)}
        faults = [f"METRICS.md: {name} is missing, or registered no more"
                  for name in sorted(registered.keys() ^ rows.keys())]
        for name in sorted(registered.keys() & rows.keys()):
            if "support" not in registered[name] and registered[name] != rows[name]:
                faults.append(f"METRICS.md: {name} is of {', '.join(sorted(registered[name]))}")
        return faults

    def settings(self):
        need("docker-compose")
        faults = []
        offered = dict(re.findall(r"^#([A-Z_]+)=(.*)$", (self.demo / ".env.example").read_text(),
                                  re.MULTILINE))
        taken = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", (self.demo / "compose.yaml").read_text()))
        del taken["COMPOSE_PROJECT_NAME"]
        for name in sorted(taken.keys() - offered.keys()):
            faults.append(f".env.example doesn't name {name}")
        for name in sorted(taken.keys() & offered.keys()):
            if offered[name] != taken[name]:
                faults.append(f"{name} is {taken[name]!r} without .env, not {offered[name]!r}")
        wanted = set(SETTINGS) - offered.keys()
        if wanted:
            faults.append(f".env.example lacks {sorted(wanted)}")
        with Recorder() as recorder, tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            values = {name: value.replace("{url}", recorder.url) for name, value in SETTINGS.items()}
            (folder / "env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
            services = self.config("full", env_file=folder / "env")
            faults += self.service_effects(services["users"]["environment"], recorder)
            environment = services["heald"]["environment"]
            faults += self.heald_effects(folder, environment, recorder)
            faults += self.cluster_effects(folder, values, recorder)
            full = self.folder / "full.yaml"
            for name, wrong in WRONG.items():
                done = subprocess.run([self.heald, "check", full], capture_output=True, text=True,
                                      env={**os.environ, **environment, name: wrong[0]})
                if done.returncode != 1 or wrong[1] not in done.stderr:
                    faults.append(f"{name}={wrong[0]} isn't refused: {done.stderr}")
        return faults

    def service_effects(self, environment, recorder):
        """A service that starts broken says so, and its spans go where they are asked for."""
        program = self.heald.parent / "heald-demo-service"
        service = subprocess.Popen([program, "--service", "users", "--port", "0"], text=True,
                                   stdout=subprocess.PIPE, env={**os.environ, **environment})
        lines = [service.stdout.readline() for _ in range(2)]
        fetch(re.search(r"http://[\d.:]+", lines[0]).group() + "/users")
        service.terminate()
        service.communicate()
        if '"failure_rate":0.25' not in lines[1] or '"latency_rate":0.5' not in lines[1]:
            yield f"CHAOS_ENABLED, FAILURE_RATE, LATENCY_SPIKE_RATE: {lines}"
        if not any(path == "/otlp/v1/traces" for path, _ in recorder.requests):
            yield "OTEL_EXPORTER_OTLP_ENDPOINT: no span came there"

    def heald_effects(self, folder, environment, recorder):
        """The stack's pipeline asks the given Prometheus, which says that payments is down, tells Slack of
        it, and touches nothing while remediation is off."""
        port = free_port()
        pipeline = folder / "pipeline.yaml"
        pipeline.write_text(f"version: 1\ninclude: [{self.folder}/minimal.yaml]\n"
                            f"agent: {{listen: '127.0.0.1:{port}', state_dir: state}}\n")
        with Running(self.heald, pipeline, environment) as agent:
            told = await_true(30, lambda: [body for path, body in recorder.requests
                                           if path == "/slack" and '"channel":"#ops"' in body])
            status = json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/status") or "{}")
        if not any(path.startswith("/prometheus/api/v1/query") for path, _ in recorder.requests):
            yield "PROMETHEUS_URL: nobody asked there"
        if not told:
            yield f"SLACK_WEBHOOK_URL, SLACK_CHANNEL: {recorder.requests[-3:]} {agent.output()}"
        if status.get("remediation", {}).get("enabled") is not False:
            yield f"AUTO_REMEDIATION_ENABLED: {status}"

    def cluster_effects(self, folder, values, recorder):
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"{recorder.url}/cluster"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}))
        pipeline = self.source / "configs/namespace.yaml"
        environment = {"KUBECONFIG": str(kubeconfig), "NAMESPACE": values["NAMESPACE"],
                       "HEALD_LISTEN": f"127.0.0.1:{free_port()}", "XDG_STATE_HOME": str(folder)}
        with Running(self.heald, pipeline, environment, folder) as agent:
            asked = await_true(30, lambda: any(
                path.startswith(f"/cluster/api/v1/namespaces/{values['NAMESPACE']}/pods")
                for path, _ in recorder.requests))
        if not asked:
            yield f"KUBECONFIG, NAMESPACE: {recorder.requests[-3:]} {agent.output()}"

    def script(self):
        faults = []
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "demo").mkdir()
            for name in ("stack", "compose.yaml"):
                shutil.copy(self.demo / name, folder / "demo" / name)
            (folder / "engine.sock").touch()
            (folder / "bin").mkdir()
            for tool in ("awk", "bash", "cat", "dirname", "grep", "head", "sed", "sort", "stat", "tail", "xargs"):
                (folder / "bin" / tool).symlink_to(shutil.which(tool))
            calls = folder / "calls"

            def call(tools, *arguments, **more):
                for tool in ("docker", "docker-compose", "sleep"):
                    path = folder / "bin" / tool
                    path.unlink(missing_ok=True)
                    if tool in tools or tool == "sleep":
                        path.write_text(STUB.replace("/bin/sh", shutil.which("sh")))
                        path.chmod(0o755)
                calls.write_text("")
                environment = {"PATH": str(folder / "bin"), "CALLS": str(calls),
                               "DOCKER_HOST": f"unix://{folder}/engine.sock", **more}
                return subprocess.run([folder / "demo/stack", *arguments], capture_output=True,
                                      text=True, timeout=50, env=environment)

            def expect(holds, what):
                if not holds:
                    faults.append(f"demo/stack: {what}")

            def refuses(tools, words, *arguments, **more):
                done = call(tools, *arguments, **more)
                expect(done.returncode == 1 and words in done.stderr, f"{words}? {done.stderr}")

            both = ("docker", "docker-compose")
            refuses((), "there is no docker: apt-get install", "up")
            refuses(("docker",), "there is no compose: apt-get install docker-compose", "up")
            refuses(both, "no Engine answers at unix:///var/run/docker.sock: start it", "up",
                    DOCKER_HOST="", ENGINE="Cannot connect to the Docker daemon")
            refuses(both, "be root, or in the group docker", "status", ENGINE="permission denied")
            refuses(both, "that has to be a unix:// one", "up", DOCKER_HOST="tcp://far:2376")
            refuses(both, "nothing runs: demo/stack up", "urls")
            refuses(both, "not healthy after 2 s: heald; see demo/stack logs heald", "up",
                    CONTAINERS="heald running unhealthy", STACK_PATIENCE="2")
            for words in ("heald doesn't stay up", "'threshold' must be a number"):
                refuses(both, words, "up", CONTAINERS="heald restarting unhealthy 3",
                        LOGS="'threshold' must be a number")
            for wrong in (("upp",), ("up", "--fulll")):
                expect(call(both, *wrong).returncode == 2, f"takes {wrong}")
            verbs = call(both, "help")
            for verb in ("up", "down", "build", "rebuild", "logs", "status", "health", "urls",
                         "clean", "chaos"):
                expect(re.search(rf"\b{verb}\b", verbs.stdout), f"help doesn't tell of {verb}")

            # What compose is asked for: profile, Slack, arguments.
            expected = {
                ("up",): "minimal - -f compose.yaml up -d --remove-orphans",
                ("up", "--full"): "full - -f compose.yaml up -d --remove-orphans",
                ("down",): "full - -f compose.yaml down --remove-orphans",
                ("clean",): "full - -f compose.yaml down --volumes --remove-orphans",
                ("build",): "full - -f compose.yaml build",
                ("rebuild",): "full - -f compose.yaml build --no-cache --pull",
                ("logs", "heald"): "full - -f compose.yaml logs --follow --tail 100 heald",
                ("status",): "full - -f compose.yaml ps",
            }
            healthy = {"CONTAINERS": "heald running healthy\nload running none"}
            for arguments, asked in expected.items():
                done = call(both, *arguments, **healthy)
                expect(done.returncode == 0 and asked in calls.read_text(),
                       f"{arguments}: {done.stderr}{calls.read_text()}")
            (folder / "demo/.env").write_text(
                "COMPOSE_PROFILES=full\nSLACK_WEBHOOK_URL=https://slack\nHEALD_PORT='28080'\n")
            done = call(both, "up", **healthy)
            expect("full true -f compose.yaml up" in calls.read_text(), "doesn't look into .env")
            expect("heald          http://127.0.0.1:28080/" in done.stdout, f"urls: {done.stdout}")
            expect("grafana" not in done.stdout, "tells of what doesn't run")
            # As compose itself reads it.
            (folder / "demo/.env").write_text(
                "SLACK_WEBHOOK_URL=https://slack\nSLACK_ENABLED=false # not now\nHEALD_PORT=19080 # mine\n"
                "export USERS_PORT=\"19002\" # hers\n")
            done = call(both, "up", CONTAINERS="heald running healthy\nusers running healthy")
            expect("minimal false -f compose.yaml up" in calls.read_text(), f"SLACK_ENABLED: {calls.read_text()}")
            for url in ("http://127.0.0.1:19080/\n", "http://127.0.0.1:19002/docs\n"):
                expect(url in done.stdout, f"{url}? {done.stdout}")
            (folder / "demo/.env").write_text("COMPOSE_PROFILES=foo\n")
            refuses(both, "COMPOSE_PROFILES is 'foo': minimal, full or local", "up", **healthy)
            expect(call(both, "health", **healthy).returncode == 0, "health, though all is well")
            done = call(both, "health", CONTAINERS="heald running healthy\nusers exited unhealthy")
            expect(done.returncode == 1 and "users          exited" in done.stdout,
                   f"health: {done.stdout}")
            call(both, "chaos", "spike", "--service", "payments", **healthy)
            expect("exec load heald-demo-chaos spike --service payments --url orders=http://orders:8001"
                   in calls.read_text(), f"chaos: {calls.read_text()}")
        return faults

    def local(self):
        need("dockerd", "docker", "docker-compose", "busybox", "prometheus", "prometheus-alertmanager",
             "prometheus-node-exporter")
        faults = []
        with Engine() as engine:
            engine.environment["HEALD_BUILD_DIR"] = str(self.heald.parent.parent)
            engine.environment["KAFKA_TOPIC"] = SETTINGS["KAFKA_TOPIC"]
            started = time.monotonic()
            print(engine.stack(self.demo, "up", "--local"))
            print(f"up and healthy after {time.monotonic() - started:.0f} s")
            faults += [*self.healing_faults(engine), *self.metrics_faults()]
            engine.stack(self.demo, "clean")
            for what in ("ps -aq", "volume ls -q", "images -aq"):
                if left := engine.docker(*what.split()).split():
                    faults.append(f"demo/stack clean leaves {left}")
        return faults

    def healing_faults(self, engine):
        """Breaks payments, and looks at everything that should have heard of its healing."""
        api = "http://127.0.0.1:18080"
        faults = []

        def expect(holds, what):
            if not holds:
                faults.append(what)

        engine.stack(self.demo, "health")
        for line in engine.stack(self.demo, "urls").splitlines():
            expect(fetch(line.split()[1]), f"{line} doesn't answer")
        expect(await_true(60, lambda: not json.loads(fetch(f"{api}/api/v1/status"))["learning"]),
               "heald is learning for ever")
        before = engine.started()
        broken = time.monotonic()
        engine.stack(self.demo, "chaos", "spike", "--service", "payments")

        def incidents():
            found = json.loads(fetch(f"{api}/api/v1/incidents"))["incidents"]
            return [one for one in found if one["target"] == {"service": "payments"}]

        healed = await_true(90, lambda: [one for one in incidents() if one["state"] == "resolved"])
        print(f"healed {time.monotonic() - broken:.1f} s after the fault")
        expect(healed, f"payments isn't healed: {incidents()}")
        if not healed:
            return faults
        changed = {name for name, then in engine.started().items() if then != before.get(name)}
        expect(changed == {"payments"}, f"restarted: {changed}")
        incident = incidents()[0]

        rows = engine.execute("postgres", "psql", "-h", "/tmp", "-U", "heald", "-d", "heald", "-Atc",
                              "select trace_id, healed_by from heald.incidents "
                              "where target like '%payments%' order by id limit 1",
                              options=("-e", "PGPASSWORD=heald"))
        expect(rows.strip() == f"{incident['trace_id']}|restart_sick", f"PostgreSQL has {rows}")
        told = await_true(20, lambda: [
            event for event in map(json.loads, engine.execute(
                "kafka", "heald-demo-broker", "read", "--address", "kafka:9092",
                SETTINGS["KAFKA_TOPIC"]).splitlines())
            if event["data"].get("incident", {}).get("id") == incident["id"]
            and event["type"] == "dev.heald.incident.resolved"])
        expect(told and len(told) == 1, f"the broker has {told}")
        lines = [json.loads(line) for line in engine.logs("heald").splitlines()
                 if line.startswith("{")]
        kinds = {(line["kind"], line[line["kind"]].get("verdict") or line[line["kind"]].get("state"))
                 for line in lines if line.get("incident", {}).get("id") == incident["id"]}
        expect(kinds >= {("incident", "open"), ("decision", "act"), ("outcome", "issued"),
                         ("outcome", "verified"), ("incident", "resolved")},
               f"the notifier's log has {sorted(kinds)}")

        # What no restart cures, each by what cures it.
        for fault, policy in UPKEEP.items():
            latest = max(one["id"] for one in incidents())
            engine.stack(self.demo, "chaos", "break", fault)
            healed = await_true(120, lambda: [one for one in incidents() if one["id"] > latest
                                              and one["healed_by"] == policy])
            expect(healed, f"{fault} isn't healed by {policy}: {incidents()[0]}")
            engine.stack(self.demo, "chaos", "clear")
        return faults

    def metrics_faults(self):
        page = fetch("http://127.0.0.1:18080/metrics")
        exported = set(re.findall(r"^# TYPE (\w+)", page, re.MULTILINE))
        for name in sorted(exported - self.documented()):
            yield f"the agent exports {name}, which isn't documented"

        prometheus = "http://127.0.0.1:18090/api/v1"
        for target in json.loads(fetch(f"{prometheus}/targets"))["data"]["activeTargets"]:
            if target["health"] != "up":
                yield f"{target['scrapeUrl']}: {target['lastError']}"
        for group in json.loads(fetch(f"{prometheus}/rules"))["data"]["groups"]:
            for rule in group["rules"]:
                if rule["health"] != "ok":
                    yield f"rule {rule['name']}: {rule['health']} {rule.get('lastError')}"

        def samples(query):
            answer = fetch(f"{prometheus}/query?" + urllib.parse.urlencode({"query": query}))
            return json.loads(answer)["data"]["result"] if answer else None

        def answered(query):
            """Nothing is an answer too, where nothing of the kind has happened yet."""
            if (found := samples(query)) is None:
                return False
            names = re.findall(r"\b(?:heald|http|process|node|slo)[_:][\w:]+", query)
            return found or " > 0" in query or not all(map(samples, names))

        # What happened has to be there, the first time already, and for a while.
        happened = r"heald_(findings|incidents|decisions|outcomes)_total"
        for path, dashboard in self.dashboards():
            for query in prometheus_queries(dashboard):
                if re.search(happened, query):
                    ever = f"max_over_time(({query})[15m:5s]) > 0"
                    if not await_true(20, lambda: samples(ever)):
                        yield f"{path.name}: {query} doesn't show the healing"
                    continue
                # A rate takes a second sample.
                if not await_true(20, lambda: answered(query)):
                    yield f"{path.name}: {query} gives {samples(query)}"


def prometheus_queries(dashboard):
    """Every PromQL of a dashboard, with its variables set to all."""
    texts = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])
             if target["datasource"]["type"] == "prometheus"]
    texts += [note["expr"] for note in dashboard["annotations"]["list"]]
    texts += [re.sub(r"label_values\((.*), \w+\)", r"\1", variable["query"])
              for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    for text in texts:
        yield re.sub(r"\$(service|job)\b", ".*", text.replace("$__rate_interval", "1m"))


class Engine:
    """A Docker Engine in a network of its own, which this process is then in as well."""

    def __enter__(self):
        if os.geteuid() != 0:
            skip("starting dockerd needs root")
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x40000000) != 0:  # CLONE_NEWNET
            skip(f"no network of its own here: {os.strerror(ctypes.get_errno())}")
        run(["busybox", "ip", "link", "set", "lo", "up"])
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="heald-stack-"))
        self.socket = self.folder / "docker.sock"
        self.environment = {"DOCKER_HOST": f"unix://{self.socket}"}
        (self.folder / "none.json").write_text("{}")
        name = f"heald-stack-{os.getpid()}"
        self.log = open(self.folder / "log", "w")
        self.daemon = subprocess.Popen(
            ["dockerd", "-H", f"unix://{self.socket}", "--data-root", self.folder / "data",
             "--exec-root", self.folder / "exec", "--pidfile", self.folder / "docker.pid",
             "--config-file", self.folder / "none.json", "--containerd-namespace", name,
             "--containerd-plugins-namespace", f"{name}-plugins", "--shutdown-timeout=2"],
            stdout=self.log, stderr=self.log,
            # A check that is killed takes its Engine along.
            preexec_fn=lambda: libc.prctl(1, signal.SIGTERM))
        if not await_true(30, lambda: self.daemon.poll() is not None or self.answers()) or (
                self.daemon.poll() is not None):
            last = (self.folder / "log").read_text().strip().splitlines()[-1:]
            self.__exit__()
            skip(f"no Docker Engine can start here: {' '.join(last)}")
        return self

    def __exit__(self, *_):
        if self.daemon.poll() is None:
            for container in self.docker("ps", "-aq").split():
                self.docker("rm", "-f", container)
            self.daemon.terminate()
            self.daemon.wait(timeout=30)
        self.log.close()
        # What a killed Engine leaves mounted.
        points = [line.split()[4] for line in open("/proc/self/mountinfo")]
        for point in sorted((p for p in points if p.startswith(f"{self.folder}/")), reverse=True):
            subprocess.run(["umount", "-l", point], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def answers(self):
        return subprocess.run(["docker", "version"], capture_output=True,
                              env={**os.environ, **self.environment}).returncode == 0

    def docker(self, *arguments):
        return run(["docker", *arguments], **self.environment)

    def stack(self, demo, *arguments):
        return run([demo / "stack", *arguments], **self.environment)

    def container(self, service):
        return self.docker("ps", "-aq", "--filter",
                           f"label=com.docker.compose.service={service}").strip()

    def execute(self, service, *command, options=()):
        return self.docker("exec", *options, self.container(service), *command)

    def logs(self, service):
        return self.docker("logs", self.container(service))

    def started(self):
        """When each service's container was started last."""
        return {service: self.docker("inspect", "--format", "{{.State.StartedAt}}",
                                     self.container(service)) for service in PROFILES["local"]}


class Recorder:
    """An HTTP server that writes down what it is asked. As a Prometheus it says that payments is down; to
    everything else it says ok."""

    def __enter__(self):
        recorder = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                recorder.requests.append((self.path, body))
                answer = "ok"
                if self.path.startswith("/prometheus"):
                    down = "min%20by" in self.path or "min+by" in self.path
                    answer = json.dumps({"status": "success", "data": {"resultType": "vector", "result": [
                        {"metric": {"service": "payments"}, "value": [time.time(), "0"]}] if down else []}})
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()


class Running:
    """heald with a pipeline, until the end of the block."""

    def __init__(self, heald, pipeline, environment, folder=None):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([heald, "run", pipeline], stdout=self.log, stderr=self.log,
                                        cwd=folder, env={**os.environ, **environment})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)

    def output(self):
        self.log.seek(0)
        return self.log.read()[-1500:]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def fetch(url):
    """What is there; nothing where it isn't or says no."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def await_true(seconds, condition):
    """What the condition gives, once that is something."""
    until = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < until:
        time.sleep(0.2)
    return value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["compose", "pipelines", "rules", "metrics", "grafana", "settings", "script", "local"])
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--heald", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    faults = getattr(Stack(arguments.source, arguments.heald), arguments.what)()
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
