#!/usr/bin/env python3
"""Holds the pages of docs/ against what is built: check_docs.py WHAT --source DIR --build DIR

  messages  each message that docs/troubleshooting.md quotes is one that heald can say
  terraform demo/terraform is formatted, and sets only what heald's chart knows
  links     each link of docs/, README.md and configs/ to a file of the repository, or to a heading in it, leads somewhere

One line per fault; exit code 1 if there is any.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

# Texts shorter than this may be found anywhere.
LEAST = 8


def pieces(part, corpus):
    """How many literals of the programs' the text is made of, at least; None if it isn't."""
    count = 0
    while part:
        end = next((end for end in range(len(part), LEAST - 1, -1) if part[:end] in corpus), 0)
        if end == 0:
            return None
        part, count = part[end:], count + 1
    return count


def check_messages(source, build):
    programs = [build / "bin/heald", *sorted(build.glob("lib/heald/*/*.so"))]
    # Short literals become numbers among the instructions, so the sources are asked too.
    texts = [*programs, *source.glob("core/**/*.cc"), *source.glob("plugins/**/*.cc")]
    corpus = "\0".join(path.read_bytes().decode("latin-1") for path in texts)
    rows = re.findall(r"^\| `(.+?)` \|", (source / "docs/troubleshooting.md").read_text(), re.M)
    faults = [] if len(rows) > 25 else [f"only {len(rows)} messages are quoted"]
    for row in rows:
        parts = [part.encode().decode("latin-1") for part in row.split("…") if len(part.strip()) >= LEAST]
        if not parts:
            faults.append(f"'{row}' is too short to be looked for")
        for part in parts:
            # Names and numbers join literals; a sentence of many small ones is none of heald's.
            joined = pieces(part.strip(), corpus)
            if joined is None or joined > 1 + len(part) // 30:
                faults.append(f"heald never says '{part}'")
    return faults


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(source, _):
    faults = []
    pages = [source / "README.md", *source.glob("docs/*.md"), *source.glob("configs/**/*.md"), *source.glob("demo/**/*.md")]
    for page in pages:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            to = page if path == "" else page.parent / path
            if re.match(r"[a-z]+:", link):
                continue
            if not to.exists():
                faults.append(f"{page.relative_to(source)}: there is no {path}")
            elif anchor and to.suffix == ".md" and anchor not in anchors(to):
                faults.append(f"{page.relative_to(source)}: {path} has no heading #{anchor}")
    return faults


def check_terraform(source, _):
    folder = source / "demo/terraform"
    faults = []
    if shutil.which("terraform"):
        done = subprocess.run(["terraform", f"-chdir={folder}", "fmt", "-check", "-diff"], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        faults.extend([f"terraform fmt: {done.stdout}"] if done.returncode != 0 else [])
    chart = json.loads((source / "configs/deploy/helm/heald/values.schema.json").read_text())["properties"]
    release = re.search(r'resource "helm_release" "heald" {.*?^}', (folder / "main.tf").read_text(), re.M | re.S).group()
    keys = re.findall(r"^ {6}(\w+) +=", release, re.M)
    faults.extend([] if len(keys) > 3 else ["no values of heald's chart are set"])
    faults.extend(f"heald's chart has no {key}" for key in keys if key not in chart)
    # A name that nobody declares, in the files' own words.
    text = "".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    declared = set(re.findall(r'^variable "(\w+)"', text, re.M))
    faults.extend(f"variable {name} is {why}" for names, why in
                  ((set(re.findall(r"\bvar\.(\w+)", text)) - declared, "not declared"),
                   (declared - set(re.findall(r"\bvar\.(\w+)", text)), "not used")) for name in sorted(names))
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["messages", "terraform", "links"])
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    options = parser.parse_args()
    check = {"messages": check_messages, "terraform": check_terraform, "links": check_links}[options.what]
    faults = check(options.source, options.build)
    print("\n".join(faults))
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
