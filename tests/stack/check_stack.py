#!/usr/bin/env python3
"""Judges demo/compose.yaml and what it mounts: check_stack.py WHAT --source DIR --heald PROGRAM

  compose    docker-compose takes every profile; images, ports, health checks and mounts are in order
  pipelines  heald takes the pipelines, and their tests pass
  rules      promtool and amtool take what Prometheus and Alertmanager read, and the rules' tests pass
  script     demo/stack says what is missing and does what its verbs say, as far as that goes without an Engine
  local      `demo/stack up --local` on a real Engine of its own: payments is broken and healed, and what
             happened is in PostgreSQL, in the broker and in the notifier's log

One line per fault; exit code 1 if there is any, 77 where what is needed isn't there.
"""
import argparse
import collections
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

SKIPPED = 77
PROFILES = {
    "minimal": {"orders", "users", "payments", "load", "heald", "prometheus"},
    "local": {"orders", "users", "payments", "load", "heald", "prometheus", "node-exporter",
              "alertmanager", "postgres", "kafka"},
    "full": {"orders", "users", "payments", "load", "heald", "prometheus", "node-exporter",
             "alertmanager", "postgres", "kafka", "loki", "alloy", "grafana", "jaeger"},
}
BUILT = {"heald:latest", "heald-demo:latest", "heald-local:latest"}

# What stands for docker and compose: each call is a line of $CALLS. $ENGINE is why the Engine doesn't
# answer, $CONTAINERS what there is, a line each.
STUB = """#!/bin/sh
case "${0##*/} $*" in
  sleep*) exit 0 ;;
  "docker compose"*) exit 1 ;;
  "docker version"*) [ -z "$ENGINE" ] || { echo "$ENGINE"; exit 1; } ;;
  "docker ps"*load) echo load ;;
  "docker ps"*) [ -z "$CONTAINERS" ] || echo id ;;
  "docker inspect"*) printf '%b\\n' "$CONTAINERS" ;;
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

    def config(self, profile, **environment):
        """compose.yaml as docker-compose understands it."""
        files = ["-f", self.demo / "compose.yaml"]
        if profile == "local":
            files += ["-f", self.folder / "local-images.yaml"]
        with tempfile.NamedTemporaryFile() as empty:  # not a .env that somebody has made beside it
            return yaml.safe_load(run(
                ["docker-compose", "--env-file", empty.name, "--project-directory", self.demo,
                 *files, "config"], COMPOSE_PROFILES=profile, **environment))["services"]

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
            pipeline = services["heald"]["command"][-1].replace("/etc/heald", str(self.demo))
            if not pathlib.Path(pipeline).exists():
                faults.append(f"{profile}: there is no {pipeline}")
        ports = [self.host_port(port) for service in self.config("full").values()
                 for port in service.get("ports", [])]
        taken = set(re.findall(r"\b\d{4,5}\b", (self.source / "demo/services/profile.h").read_text()))
        for port, count in collections.Counter(ports).items():
            if count > 1 or port in taken | {"8080", "9090", "3000", "5432", "9092", "9093"}:
                faults.append(f"host port {port} clashes")
        return faults

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
            expect(call(both, "health", **healthy).returncode == 0, "health, though all is well")
            done = call(both, "health", CONTAINERS="heald running healthy\nusers exited unhealthy")
            expect(done.returncode == 1 and "users          exited" in done.stdout,
                   f"health: {done.stdout}")
            call(both, "chaos", "spike", "--service", "payments", **healthy)
            expect("exec load heald-demo-chaos spike --service payments --url orders=http://orders:8001"
                   in calls.read_text(), f"chaos: {calls.read_text()}")
        return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["compose", "pipelines", "rules", "script"])
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--heald", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    faults = getattr(Stack(arguments.source, arguments.heald), arguments.what)()
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
