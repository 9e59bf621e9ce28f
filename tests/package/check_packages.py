#!/usr/bin/env python3
"""Judges the Debian packages: check_packages.py WHAT --packages DIR --source DIR

  contents  each file is in the one package that it belongs to, and nothing of the tests in any
  control   dependencies, configuration files and scripts are those that an installation needs
  service   the unit is one that systemd takes, and is locked up
  policy    lintian finds no error
  clean     on a Debian that has nothing else: install, check, run, upgrade, remove, purge
  booted    on one whose systemd runs: the service through reloads, upgrades, crashes and hangs

One line per fault; exit code 1 if there is any, 77 where what is needed isn't there.
"""
import argparse
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SKIPPED = 77
MIRROR = os.environ.get("HEALD_TEST_DEBIAN_MIRROR", "http://deb.debian.org/debian")


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


class Package:
    def __init__(self, path):
        self.path = path
        self.name = run("dpkg-deb", "-f", path, "Package").strip()
        self.files = {}
        for line in run("dpkg-deb", "-c", path).splitlines():
            mode, owner, _, _, _, name = line.split(None, 5)
            if not name.endswith("/"):
                self.files[name[1:]] = (mode, owner)

    def field(self, name):
        return run("dpkg-deb", "-f", self.path, name).strip()

    def control(self, name):
        return run("dpkg-deb", "-I", self.path, name)


def read_packages(folder):
    packages = {package.name: package for package in map(Package, sorted(folder.glob("*.deb")))}
    if set(packages) != {"heald", "heald-dev", "heald-kafka", "heald-postgresql"}:
        sys.exit(f"packages in {folder}: {', '.join(packages) or 'none'}")
    return packages


def check_contents(packages, source):
    faults = []
    heald = packages["heald"].files
    wanted = {
        "heald": ["/usr/bin/heald", "/etc/heald/pipeline.yaml", "/etc/default/heald",
                  "/usr/lib/systemd/system/heald.service", "/usr/share/man/man1/heald.1.gz",
                  "/usr/share/man/man5/heald-pipeline.5.gz", "/usr/share/bash-completion/completions/heald",
                  "/usr/share/zsh/vendor-completions/_heald", "/usr/share/fish/vendor_completions.d/heald.fish",
                  "/usr/share/heald/configs/quickstart.yaml", "/usr/share/heald/configs/packs/oom.yaml"],
        "heald-kafka": ["/usr/lib/heald/plugins/heald_source_kafka.so", "/usr/lib/heald/plugins/heald_notifier_kafka.so"],
        "heald-postgresql": ["/usr/lib/heald/stores/heald_store_postgres.so"],
        "heald-dev": ["/usr/include/heald/plugin.h", "/usr/share/heald/template/plugin.cc",
                      "/usr/lib/cmake/heald_sdk/heald_sdkConfig.cmake"]}
    for name, files in wanted.items():
        files += [f"/usr/share/doc/{name}/copyright", f"/usr/share/doc/{name}/changelog.Debian.gz"]
        faults.extend(f"{name} lacks {file}" for file in files if file not in packages[name].files)
    # Every plugin of the tree, once.
    folders = [path.parent for path in source.glob("plugins/*/*/plugin.cc")]
    plugins = {f"/usr/lib/heald/plugins/heald_{path.parent.name[:-1]}_{path.name}.so" for path in folders}
    shipped = [file for package in packages.values() for file in package.files if "/plugins/" in file and file.endswith(".so")]
    faults.extend(f"no package has {file}" for file in sorted(plugins - set(shipped)))
    faults.extend(f"{file} is no plugin of heald's" for file in sorted(set(shipped) - plugins))
    for package in packages.values():
        for file, (mode, owner) in package.files.items():
            if owner != "root/root" or mode[8] == "w" or (file.startswith("/usr/bin/") and "x" not in mode):
                faults.append(f"{package.name}: {file} is {mode} {owner}")
            if re.search(r"test_plugin|/tests?/|demo", file):
                faults.append(f"{package.name}: {file} is of the tests or the demo")
        others = [file for other in packages.values() if other is not package for file in other.files]
        faults.extend(f"{file} is in two packages" for file in package.files if file in others)
    faults.extend(f"heald has no manual in {file}" for file in heald if file.endswith(".in"))
    with tempfile.TemporaryDirectory() as folder:
        run("dpkg-deb", "-x", packages["heald"].path, folder)
        pages = list(pathlib.Path(folder).glob("usr/share/doc/heald/*.md"))
        faults.extend([] if pages else ["heald has no pages to read"])
        for page in pages:
            for link in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text()):
                if not link.startswith("http") and not (page.parent / link).is_file():
                    faults.append(f"heald: {page.name} leads to {link}, which isn't there")
    return faults


def check_control(packages, _):
    faults = []
    needs = {name: re.findall(r"[a-z0-9.+-]+(?= \(|,|$)", package.field("Depends")) for name, package in packages.items()}
    for name, library in (("heald-kafka", "librdkafka1"), ("heald-postgresql", "libpq5"), ("heald", "libyaml-cpp0.7"),
                          ("heald", "adduser"), ("heald-kafka", "heald"), ("heald-postgresql", "heald")):
        if library not in needs[name]:
            faults.append(f"{name} doesn't depend on {library}, but on {needs[name]}")
    faults.extend(f"heald depends on {library}" for library in ("librdkafka1", "libpq5") if library in needs["heald"])
    if packages["heald-dev"].field("Architecture") != "all":
        faults.append("heald-dev is for one architecture only")
    heald = packages["heald"]
    listed = set(heald.control("conffiles").split())
    if listed != {file for file in heald.files if file.startswith("/etc/")}:
        faults.append(f"conffiles are {listed}")
    for script in ("postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n"], input=heald.control(script), text=True, check=True)
    for package in packages.values():
        summary = package.field("Description").splitlines()[0]
        if not 10 < len(summary) < 80:
            faults.append(f"{package.name}: '{summary}' is no summary")
    return faults


def check_service(packages, _):
    if not shutil.which("systemd-analyze"):
        skip("no systemd-analyze here")
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        run("dpkg-deb", "-x", packages["heald"].path, folder)
        unit = pathlib.Path(folder) / "usr/lib/systemd/system/heald.service"
        local = unit.with_name("heald-check.service")
        # Its program stands elsewhere here than where it will.
        local.write_text(unit.read_text().replace("/usr/bin/heald", f"{folder}/usr/bin/heald"))
        said = subprocess.run(["systemd-analyze", "verify", "--man=no", local], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
        faults.extend(f"systemd-analyze: {line}" for line in said.splitlines() if "heald" in line)
        judged = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", local],
                                text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if judged.returncode != 0:
            faults.append(judged.stdout.splitlines()[-1])
        text = unit.read_text()
    for line in ("User=heald", "ExecStartPre=/usr/bin/heald check /etc/heald/pipeline.yaml", "ProtectSystem=strict",
                 "StateDirectory=heald", "Restart=on-failure", "NoNewPrivileges=yes", "CapabilityBoundingSet=",
                 "ExecReload=/usr/bin/heald check /etc/heald/pipeline.yaml"):
        if line not in text.splitlines():
            faults.append(f"heald.service has no {line}")
    return faults


def check_policy(packages, _):
    if not shutil.which("lintian"):
        skip("no lintian here")
    said = subprocess.run(["lintian", "--allow-root", "--tag-display-limit", "0", *(str(package.path) for package in packages.values())],
                          text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    # Each package is new to Debian's own archive, which isn't where it goes.
    return [line for line in said.splitlines() if line[:2] in ("E:", "W:") and "initial-upload-closes-no-bugs" not in line]


class Clean:
    """A Debian of its own in a folder, with this machine's network."""

    def __init__(self, folder, packages):
        self.root = folder / "debian"
        run("debootstrap", "--variant=minbase", "bookworm", self.root, MIRROR, stderr=subprocess.STDOUT)
        # No service starts in it, whatever is installed.
        policy = self.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        (self.root / "packages").mkdir()
        self.packages = {}
        for name, package in packages.items():
            shutil.copy(package.path, self.root / "packages")
            self.packages[name] = f"/packages/{package.path.name}"
        self("apt-get", "update")

    def command(self, *command, user="root"):
        # A process that outlives the command has no folder to hold: its namespace ends with it.
        return ["unshare", "--pid", "--mount", "--fork", "--kill-child", "chroot", str(self.root), "/usr/bin/env", "-i",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8",
                "sh", "-c", f"mount -t proc proc /proc; exec runuser -u {user} -- \"$@\"", "sh", *command]

    def __call__(self, *command, user="root"):
        done = subprocess.run(self.command(*command, user=user), text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit(f"on a clean Debian: {' '.join(command)} ended with {done.returncode}:\n{done.stdout[-4000:]}")
        return done.stdout

    def traces(self):
        """What is left of heald, but for logs of the package manager's and its downloads."""
        found = run("find", str(self.root), "-xdev", "-path", f"{self.root}/proc", "-prune", "-o", "-name", "*heald*", "-print").split()
        names = ["/" + str(pathlib.Path(path).relative_to(self.root)) for path in found]
        return [name for name in names if not name.startswith(("/var/lib/apt", "/var/cache", "/packages", "/var/log/apt"))]


class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"# TYPE node_load1 gauge\nnode_load1 0.5\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def check_runs(clean, command, faults):
    """It starts, sees its target, answers, and ends when it is told to."""
    target = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    url = f"127.0.0.1:{free_port()}"
    agent = subprocess.Popen(
        clean.command("env", "HOME=/var/lib/heald", f"HEALD_LISTEN={url}", "CHECK_INTERVAL=1s",
                      f"HEALD_TARGET=http://127.0.0.1:{target.server_port}/metrics", "timeout", "--signal=TERM", "8",
                      *command, user="heald"), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    page, judged, end = "", 0, time.monotonic() + 8
    while judged == 0 and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://{url}/api/v1/pipeline", timeout=2) as answer:
                judged = {node["name"]: node for node in json.load(answer)["nodes"]}["unusual"]["records_in"]
            with urllib.request.urlopen(f"http://{url}/", timeout=2) as answer:
                page = answer.read().decode()
        except OSError:
            pass
        time.sleep(0.1)
    name = " ".join(command)
    if judged > 0:
        clean("heald", "health", "--ready", "--url", f"http://{url}")  # fails if it isn't
    said, _ = agent.communicate(timeout=60)
    faults.extend([] if judged > 0 else [f"{name} doesn't see its target:\n{said}"])
    faults.extend([] if "<html" in page else [f"{name} shows no dashboard"])
    faults.extend([] if "stopped" in said else [f"{name} didn't end well:\n{said}"])
    target.shutdown()


def need_debian():
    if os.geteuid() != 0:
        skip("installing a Debian takes root")
    if not shutil.which("debootstrap"):
        skip("no debootstrap here")
    try:
        urllib.request.urlopen(f"{MIRROR}/dists/bookworm/Release", timeout=10).close()
    except OSError as error:
        skip(f"{MIRROR} can't be reached ({error}): HEALD_TEST_DEBIAN_MIRROR names another mirror")


def check_clean(packages, _):
    need_debian()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        clean = Clean(pathlib.Path(folder), packages)
        files = [clean.packages[name] for name in ("heald", "heald-kafka", "heald-postgresql")]
        clean("apt-get", "install", "-y", "--no-install-recommends", files[0])
        if "unusable" in clean("id", "heald"):
            faults.append("there is no user heald")
        clean("install", "-d", "-o", "heald", "-g", "heald", "/var/lib/heald")  # as systemd does

        clean("heald", "plugins")  # fails if it can't load one
        configs = clean.root / "usr/share/heald/configs"
        shipped = [path for path in configs.rglob("*.yaml") if not path.name.endswith("_test.yaml")]
        if len(shipped) < 10:
            faults.append(f"only {len(shipped)} configurations are shipped")
        for path in [clean.root / "etc/heald/pipeline.yaml", *shipped]:
            clean("env", "STATE_DIRECTORY=/var/lib/heald", "heald", "check", "/" + str(path.relative_to(clean.root)), user="heald")
        check_runs(clean, ["heald", "run", "/etc/heald/pipeline.yaml"], faults)
        check_runs(clean, ["heald", "run"], faults)
        # Root looks into the journal of an agent that is down, which has to be able to go on afterwards.
        clean("heald", "incidents", "/etc/heald/pipeline.yaml")
        clean("heald", "token", "create", "--name", "anna", "--role", "viewer", "/etc/heald/pipeline.yaml")
        foreign = clean("find", "/var/lib/heald", "!", "-user", "heald").split()
        faults.extend(f"{name} isn't heald's any more" for name in foreign)

        before = clean("heald", "plugins")
        if "kafka" in before:
            faults.append("heald has kafka without heald-kafka")
        clean("apt-get", "install", "-y", "--no-install-recommends", *files[1:])
        for kind in ("source", "notifier"):
            if not re.search(rf"^{kind} +kafka ", clean("heald", "plugins"), re.M):
                faults.append(f"heald-kafka brings no {kind} kafka")

        # What people wrote stays through an upgrade.
        mine = clean.root / "etc/heald/pipeline.yaml"
        mine.write_text("# mine\n" + mine.read_text())
        clean("dpkg", "-i", *files)
        if not mine.read_text().startswith("# mine"):
            faults.append("an upgrade replaces the pipeline file")
        clean("apt-get", "remove", "-y", "heald")
        faults.extend(f"{name} is gone with the package" for name in ("etc/heald/pipeline.yaml", "var/lib/heald/heald.db")
                      if not (clean.root / name).exists())
        clean("apt-get", "purge", "-y", "heald", "heald-kafka", "heald-postgresql")
        faults.extend(f"left after the purge: {name}" for name in clean.traces())
        if "heald" in (clean.root / "etc/passwd").read_text():
            faults.append("left after the purge: the user heald")
    return faults


# What a person would do and see; each line of /result is a name and what came of it.
BOOTED = """#!/bin/sh
exec 2>&1
result() { echo "$1: $2" | tr '\\n' ' ' >> /result; echo >> /result; }
pid() { systemctl show -p MainPID --value heald; }
became() { i=0; while [ $i -lt 300 ]; do [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ] && systemctl -q is-active heald && return; sleep 0.1; i=$((i+1)); done; false; }
dpkg -i PACKAGE >/dev/null; became 0 && result starts "$(systemctl show -p StatusText heald)"
result user "$(ps -o user= -p "$(pid)" 2>/dev/null || stat -c %U /proc/$(pid))"
result state "$(stat -c '%U %a' /var/lib/heald)"
cp /etc/heald/pipeline.yaml /good; was=$(pid)
echo 'nonsense: 1' >> /etc/heald/pipeline.yaml
systemctl reload heald; result reload_of_a_wrong_file "$? $([ "$(pid)" = "$was" ] && systemctl is-active heald)"
said=$(dpkg -i --force-confold PACKAGE 2>&1); result upgrade_with_a_wrong_file "$? $([ "$(pid)" = "$was" ] && systemctl is-active heald) $said"
cp /good /etc/heald/pipeline.yaml
systemctl reload heald; result reload "$? $([ "$(pid)" = "$was" ] && systemctl is-active heald)"
dpkg -i PACKAGE >/dev/null; became "$was" && result upgrade active
was=$(pid); kill -KILL "$was"; became "$was" && result killed active
mkdir -p /etc/systemd/system/heald.service.d
printf '[Service]\\nWatchdogSec=2\\n' > /etc/systemd/system/heald.service.d/hangs.conf
systemctl daemon-reload; systemctl restart heald
was=$(pid); kill -STOP "$was"; became "$was" && result hangs active
echo 'nonsense: 1' >> /etc/heald/pipeline.yaml
systemctl restart heald; result start_with_a_wrong_file "$? $(journalctl --no-pager -u heald | grep -c "unknown section 'nonsense'")"
cp /good /etc/heald/pipeline.yaml; became 0 && result corrected active
dpkg -r heald >/dev/null; result removed "$(systemctl is-active heald) $(cat /proc/*/comm | grep -cx heald)"
dpkg -P heald >/dev/null; result purged "$(ls -d /var/lib/heald /var/log/heald /etc/heald /etc/systemd/system/*/heald.service)"
result end ""
poweroff
"""


def check_booted(packages, _):
    need_debian()
    if not shutil.which("systemd-nspawn"):
        skip("no systemd-nspawn here")
    with tempfile.TemporaryDirectory() as folder:
        clean = Clean(pathlib.Path(folder), packages)
        clean("apt-get", "install", "-y", "--no-install-recommends", "systemd-sysv", "dbus", clean.packages["heald"])
        clean("dpkg", "-P", "heald")  # what it depends on stays
        (clean.root / "usr/sbin/policy-rc.d").unlink()
        script = clean.root / "script"
        script.write_text(BOOTED.replace("PACKAGE", clean.packages["heald"]))
        script.chmod(0o755)
        unit = clean.root / "etc/systemd/system/script.service"
        unit.write_text("[Unit]\nAfter=dbus.service\n[Service]\nExecStart=/script\n")
        unit.with_name("multi-user.target.wants").mkdir(exist_ok=True)
        (unit.with_name("multi-user.target.wants") / "script.service").symlink_to("/etc/systemd/system/script.service")
        booted = subprocess.run(["systemd-nspawn", "--register=no", "--keep-unit", "--private-network", "-q", "-b", "-D", clean.root],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                                timeout=300, errors="replace")
        if not (clean.root / "result").exists():
            skip(f"systemd doesn't start in a container here: {booted.stdout[-300:]!r}")
        result = dict(line.split(": ", 1) for line in (clean.root / "result").read_text().splitlines())
    faults = []

    def expect(name, pattern):
        if not re.fullmatch(pattern, result.get(name, "nothing").strip()):
            faults.append(f"{name}: {result.get(name, 'nothing')}")

    expect("starts", "StatusText=1 source, .*http://127.0.0.1:8080")
    expect("user", "heald")
    expect("state", "heald 750")
    expect("reload_of_a_wrong_file", "[1-9] active")
    expect("upgrade_with_a_wrong_file", "0 active .*the agent from before the upgrade goes on.*")
    expect("reload", "0 active")
    for name in ("upgrade", "killed", "hangs", "corrected"):
        expect(name, "active")
    expect("start_with_a_wrong_file", "[1-9] [1-9][0-9]*")
    expect("removed", "inactive 0")
    expect("purged", "")
    expect("end", "")
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["contents", "control", "service", "policy", "clean", "booted"])
    parser.add_argument("--packages", type=pathlib.Path, required=True)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    options = parser.parse_args()
    faults = globals()[f"check_{options.what}"](read_packages(options.packages), options.source)
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
