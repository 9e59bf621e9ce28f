#!/usr/bin/env python3
"""Holds what is made of the command line against the command line: check_command_line.py WHAT --heald PROGRAM

  bash, zsh, fish   the shell offers every verb and option that --help knows, and the words of a value
  manual            heald(1) has every verb and option; both pages are roff that formats without a warning
  keys              heald-pipeline(5) has every key of the schema, and its example is a pipeline

One line per fault; exit code 1 if there is any, 77 where what is needed isn't there.
"""
import argparse
import gzip
import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

SKIPPED = 77


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


class Verb:
    """A verb as its --help tells it."""

    def __init__(self, heald, path):
        self.path = path
        text = run(heald, *path, "--help")
        head, _, verbs = text.partition("\nSubcommands:\n")
        self.options = re.findall(r"(?:^  |,)(--?[a-z][a-z-]*)", head, re.M)
        self.choices = {name: words.split(",") for name, words in
                        re.findall(r"^  (?:-\w,)?(--[a-z-]+) \w+:\{([^}]*)\}", head, re.M)}
        self.verbs = [Verb(heald, [*path, name]) for name in re.findall(r"^  ([a-z-]+) ", verbs, re.M)]

    def all(self):
        yield self
        for verb in self.verbs:
            yield from verb.all()


def bash(script, line):
    program = f"""source {script}
line="$1"; read -ra COMP_WORDS <<<"$line"; [[ $line == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE=$line
compopt() {{ echo FILES; }}
_heald; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return run("bash", "-c", program, "bash", line).split()


def fish(script, line):
    out = run("fish", "--no-config", "-c", f"source {script}; complete -C $argv[1]", line,
              stderr=subprocess.STDOUT)  # complaints of the script's would be seen by who types
    if "Type 'help" in out:
        raise RuntimeError(out[:1000])
    return [entry.split("\t")[0] for entry in out.splitlines()]


class Zsh:
    """An interactive shell: zsh completes nothing elsewhere. A Tab lists what there is."""

    def __init__(self, script):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.environ.update(TERM="ansi", ZDOTDIR=str(script.parent))
            os.execvp("zsh", ["zsh", "-f", "-i"])
        os.write(self.terminal, f"""stty -echo cols 250 rows 2000; PS1='NEXT>' LISTMAX=100000
autoload -Uz compinit; compinit -D -u; source {script}
setopt no_beep no_prompt_cr; zstyle ':completion:*' list-separator '~'; bindkey '^I' list-choices
print REA''DY
""".encode())
        self.until("READY")

    # Up to the prompt after the mark: what is typed before that, the shell would not take for keys.
    def until(self, mark):
        text, end = "", time.monotonic() + 20
        while "NEXT>" not in text.rpartition(mark + "\r")[2] or mark not in text:
            if not select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"zsh said no {mark}, but {text!r}")
            text += os.read(self.terminal, 65536).decode(errors="replace")
        return text

    def __call__(self, script, line):
        os.write(self.terminal, f"{line}\t\x15print DO''NE\n".encode())
        text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\0", "", self.until("DONE"))
        return [word for row in re.split(r"[\r\n]+", text)
                for word in row.split("~")[0].replace("/", " ").split()]


def check_shell(name, heald, work):
    if not shutil.which(name):
        skip(f"no {name} here")
    os.environ["PATH"] = f"{os.path.dirname(heald)}:{os.environ['PATH']}"
    os.chdir(work)
    (work / "mine.yaml").write_text("")
    (work / "folder").mkdir()
    script = work / f"heald.{name}"
    script.write_text(run(heald, "completion", name))
    run(name, "-n", script)
    offers = {"bash": bash, "fish": fish}.get(name) or Zsh(script)
    faults = []

    def expect(line, words, no=()):
        got = offers(script, line)
        faults.extend(f"'{line}' isn't completed by {word}" for word in words if word not in got)
        faults.extend(f"'{line}' is completed by {word}" for word in no if word in got)

    program = Verb(heald, [])
    if len(program.verbs) < 15:
        faults.append("--help shows too few verbs")
    for verb in program.all():
        line = " ".join(["heald", *verb.path])
        if verb.verbs:
            expect(line + " ", [sub.path[-1] for sub in verb.verbs], no=["plugin-probe", "manual"])
        if verb.path:
            expect(line + " -" + ("-" if name == "fish" else ""),
                   [option for option in verb.options if option.startswith("--")])
        for option, words in verb.choices.items():
            expect(f"{line} {option} ", words)
    expect("heald che", ["check"], no=["run"])
    expect("heald completion ", ["bash", "zsh", "fish"])
    if name == "bash":
        expect("heald check ", ["FILES"])
        expect("heald check --format=", [])
    else:
        expect("heald check ", ["mine.yaml"])
        expect("heald test --tests ", ["mine.yaml"])
        expect("heald token list --state-dir ", ["folder/" if name == "fish" else "folder"], no=["mine.yaml"])
    expect("heald score --plugin ", ["zscore", "baseline"])
    return faults


def page(pages, name):
    with gzip.open(pages / f"{name}.gz", "rt") as file:
        text = file.read()
    faults = []
    faults.extend(f"{name}: {place} isn't filled" for place in re.findall("@[A-Z]+@", text))
    if shutil.which("groff"):
        said = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=text, text=True,
                              stderr=subprocess.PIPE, check=False).stderr
        faults.extend(f"{name}: {line}" for line in said.splitlines())
    plain = re.sub(r"\\f[BIRP]|\\&", "", text).replace("\\-", "-").replace("\\e", "\\")
    return plain, faults


def check_manual(heald, pages):
    text, faults = page(pages, "heald.1")
    program = Verb(heald, [])
    sections = {title.split(" [")[0]: body
                for title, body in re.findall(r"^\.SS heald ([^\n]*)\n(.*?)(?=^\.S[SH])", text, re.M | re.S)}
    for verb in program.all():
        name = " ".join(verb.path)
        if verb.verbs:
            continue
        if name not in sections:
            faults.append(f"heald.1 has no {name}")
            continue
        faults.extend(f"heald.1, {name}: no {option}" for option in verb.options
                      if option not in ("-h", "--help") and not re.search(rf"(?m)^(?:.*, )?{option}\b", sections[name]))
    return faults


def check_keys(heald, pages):
    text, faults = page(pages, "heald-pipeline.5")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as example:
        example.write(re.search(r"^\.EX\n(.*?)^\.EE$", text, re.M | re.S).group(1))
        example.flush()
        checked = subprocess.run([heald, "check", example.name], text=True, check=False, stderr=subprocess.STDOUT, stdout=subprocess.PIPE)
        faults.extend([] if checked.returncode == 0 else [checked.stdout])
    sections = dict(re.findall(r"^\.SS (\S+)\n(.*?)(?=^\.S[SH])", text, re.M | re.S))
    schema = json.loads(run(heald, "schema"))["properties"]
    for section, title in {"agent": "agent", "sources": "sources.NAME", "detectors": "detectors.NAME",
                           "policies": "policies.NAME", "actions": "actions.NAME", "notifiers": "notifiers.NAME",
                           "tests": "tests[]", "inhibit": "inhibit[]"}.items():
        of = schema[section]
        keys = of.get("properties") or of.get("items", {}).get("properties") or of["additionalProperties"]["properties"]
        known = re.findall(r"^\.TP\n(\S+) \(", sections.get(title, ""), re.M)
        faults.extend(f"heald-pipeline.5, {title}: no {key}" for key in keys if key not in known)
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what")
    parser.add_argument("--heald", required=True)
    parser.add_argument("--pages", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        if options.what == "manual":
            faults = check_manual(options.heald, options.pages)
        elif options.what == "keys":
            faults = check_keys(options.heald, options.pages)
        else:
            faults = check_shell(options.what, options.heald, pathlib.Path(work))
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
