#!/usr/bin/env python3
"""Judges the API's contract and what an agent answered, by an independent JSON Schema validator.

  check_contract.py document openapi.json              is the document well formed, do its examples fit
  check_contract.py exchanges openapi.json LINES.jsonl  does every recorded answer fit the document
        [--covering]                                   and was every operation asked with success

One line per fault; exit code 1 if there is any. A recorded exchange is one JSON object:
{"method", "path", "status", "headers": {name in lower case: value}, "body"}.
"""
import json
import re
import sys

from jsonschema import Draft202012Validator, FormatChecker

METHODS = ("get", "put", "post", "delete", "patch")
ROLES = ("none", "sender", "viewer", "operator", "approver", "admin")


class Document:
    def __init__(self, tree):
        self.tree = tree
        self.validators = {}

    def resolve(self, node):
        while isinstance(node, dict) and set(node) == {"$ref"}:
            node = self.target(node["$ref"])
        return node

    def target(self, ref):
        node = self.tree
        for token in ref.removeprefix("#/").split("/"):
            node = node[token.replace("~1", "/").replace("~0", "~")]
        return node

    def faults(self, schema, value):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            whole = {**schema, "components": self.tree["components"]}
            self.validators[key] = Draft202012Validator(whole, format_checker=FormatChecker())
        for error in self.validators[key].iter_errors(value):
            where = "/".join(str(part) for part in error.absolute_path) or "the whole"
            yield f"{where}: {error.message[:300]}"

    def operations(self):
        for path, item in self.tree["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method], item.get("parameters", []) + item[method].get("parameters", [])

    def common_responses(self):
        return self.tree["info"]["x-heald-common-responses"]


def walk(node, path="#"):
    yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from walk(value, path + "/" + key.replace("~", "~0").replace("/", "~1"))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, f"{path}/{index}")


def references(document):
    tree = document.tree
    used = set()
    for path, node in walk(tree):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            try:
                document.target(node["$ref"])
                used.add(node["$ref"])
            except (KeyError, TypeError):
                yield f"{path}: nothing is at {node['$ref']}"
    for kind, entries in tree["components"].items():
        for name in entries:
            if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in used:
                yield f"#/components/{kind}/{name} is used nowhere"


def content_faults(document, where, content):
    """Media types have a sound schema, and examples that fit it."""
    for media, entry in content.items():
        at = f"{where} {media}"
        try:
            Draft202012Validator.check_schema(entry["schema"])
        except Exception as error:  # whatever is wrong with it is the fault to tell
            yield f"{at}: {error}"
            continue
        if not entry.get("examples"):
            yield f"{at}: has no example"
        for name, example in entry.get("examples", {}).items():
            value = document.resolve(example)["value"]
            if media == "text/event-stream":
                yield from (f"{at} example {name}: {fault}" for fault in event_faults(document, entry["x-heald-events"], value))
            else:
                yield from (f"{at} example {name}: {fault}" for fault in document.faults(entry["schema"], value))


def response_faults(document, where, status, response):
    if not response.get("description"):
        yield f"{where}: has no description"
    yield from content_faults(document, where, with_events(response))
    for name, header in response.get("headers", {}).items():
        yield from (f"{where} header {name}: {fault}" for fault in document.faults(header["schema"], header["example"]))
    if int(status) >= 400 and status != "503" and list(response["content"]) != ["application/problem+json"]:
        yield f"{where}: an error has to be application/problem+json"
    for entry in response["content"].values():
        for example in entry.get("examples", {}).values():
            value = document.resolve(example)["value"]
            if isinstance(value, dict) and "detail" in value and str(value.get("status")) != status:
                yield f"{where}: an example has status {value.get('status')}"


def with_events(response):
    """The events stand beside the content; here they belong to its media type."""
    events = response.get("x-heald-events")
    return {media: {**entry, "x-heald-events": events} for media, entry in response["content"].items()}


def operation_faults(document, path, method, operation, parameters):
    where = f"{method.upper()} {path}"
    tags = [tag["name"] for tag in document.tree["tags"]]
    if not operation.get("summary"):
        yield f"{where}: has no summary"
    if len(operation.get("tags", [])) != 1 or operation["tags"][0] not in tags:
        yield f"{where}: wants one of the tags {tags}"
    if operation.get("x-heald-role") not in ROLES:
        yield f"{where}: x-heald-role has to be one of {ROLES}"
    if (operation["x-heald-role"] == "none") != (operation.get("security") == []):
        yield f"{where}: security and x-heald-role disagree"
    parameters = [document.resolve(parameter) for parameter in parameters]
    placeholders = set(re.findall(r"{(\w+)}", path))
    if placeholders != {p["name"] for p in parameters if p["in"] == "path"}:
        yield f"{where}: its path parameters are not those of the path"
    for parameter in parameters:
        if not (parameter.get("description") or document.resolve(parameter["schema"]).get("enum")):
            yield f"{where} parameter {parameter['name']}: has no description"
        yield from (f"{where} parameter {parameter['name']}: {fault}" for fault in document.faults(parameter["schema"], parameter["example"]))
    if "requestBody" in operation:
        yield from content_faults(document, f"{where} body", document.resolve(operation["requestBody"])["content"])
    if not any(status.startswith("2") for status in operation["responses"]):
        yield f"{where}: cannot succeed"
    for status, response in operation["responses"].items():
        yield from response_faults(document, f"{where} {status}", status, document.resolve(response))


def request_schemas(document):
    """What people send may leave members out."""
    return {media["schema"]["$ref"].rsplit("/", 1)[1]
            for _, _, operation, _ in document.operations() if "requestBody" in operation
            for media in document.resolve(operation["requestBody"])["content"].values()
            if "$ref" in media["schema"]}


def answers_are_exact(document):
    """Every member of an answer is required and none beside them allowed: drift has nowhere to hide."""
    requests = request_schemas(document)
    for name, schema in document.tree["components"]["schemas"].items():
        if schema.get("type") != "object" and "allOf" not in schema or name in requests:
            continue
        missing = set(schema.get("properties", {})) - set(schema.get("required", []))
        if missing:
            yield f"schema {name}: not required: {sorted(missing)}"
        closed = "additionalProperties" in schema or schema.get("unevaluatedProperties") is False
        if not closed and not name.endswith("Members"):
            yield f"schema {name}: allows members that it does not name"


def document_faults(document):
    tree = document.tree
    if not re.fullmatch(r"3\.1\.\d+", tree.get("openapi", "")):
        yield "openapi: is not 3.1"
    for member in ("title", "version", "description"):
        if not tree["info"].get(member):
            yield f"info: has no {member}"
    yield from references(document)
    seen = set()
    for path, method, operation, parameters in document.operations():
        if operation["operationId"] in seen:
            yield f"operationId {operation['operationId']} is there twice"
        seen.add(operation["operationId"])
        yield from operation_faults(document, path, method, operation, parameters)
    for status, response in document.common_responses().items():
        yield from response_faults(document, f"any request {status}", status, document.resolve(response))
    for name, schema in tree["components"]["schemas"].items():
        try:
            Draft202012Validator.check_schema(schema)
        except Exception as error:  # whatever is wrong with it is the fault to tell
            yield f"schema {name}: {error}"
    yield from answers_are_exact(document)


def event_faults(document, events, text):
    for block in text.split("\n\n")[:-1]:
        fields = dict(re.match(r"(\w*): ?(.*)", line).groups() for line in block.split("\n") if line and not line.startswith(":"))
        if not fields or set(fields) == {"retry"}:
            continue
        name = fields.get("event", "message")
        if name not in events:
            yield f"event {name} is not in the contract"
            continue
        try:
            data = json.loads(fields["data"])
        except (KeyError, ValueError):
            yield f"event {name}: its data is no JSON: {fields.get('data')}"
            continue
        yield from (f"event {name}: {fault}" for fault in document.faults(events[name]["schema"], data))


def find_operation(document, method, path):
    """(template, operation or None); a path without placeholders wins."""
    method = "get" if method == "HEAD" else method.lower()
    for template in sorted(document.tree["paths"], key=lambda text: text.count("{")):
        pattern = "/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in template.split("/"))
        if re.fullmatch(pattern, path):
            return template, document.tree["paths"][template].get(method)
    return None, None


def exchange_faults(document, exchange):
    status = str(exchange["status"])
    template, operation = find_operation(document, exchange["method"], exchange["path"])
    responses = dict(document.common_responses())
    if operation is not None:
        for never in ("401", "404", "405", "429", "500"):
            del responses[never]
        responses.update(operation["responses"])
    if status not in responses:
        yield f"status {status} is not in the contract of {template or 'unknown paths'}: {exchange['body'][:200]}"
        return
    response = document.resolve(responses[status])
    for name, header in response.get("headers", {}).items():
        value = exchange["headers"].get(name.lower())
        if value is None:
            if header.get("required"):
                yield f"header {name} is missing"
            continue
        value = int(value) if header["schema"].get("type") == "integer" else value
        yield from (f"header {name}: {fault}" for fault in document.faults(header["schema"], value))
    if exchange["method"] == "HEAD" or not (response["content"] or exchange["body"]):
        return
    media = exchange["headers"].get("content-type", "").split(";")[0]
    if media not in response["content"]:
        yield f"content type '{media}' is not in the contract"
    elif media == "text/event-stream":
        yield from event_faults(document, response["x-heald-events"], exchange["body"])
    elif media.endswith("json"):
        try:
            value = json.loads(exchange["body"])
        except ValueError as error:
            yield f"the body is no JSON: {error}"
            return
        yield from document.faults(response["content"][media]["schema"], value)
        if media == "application/problem+json" and value.get("status") != exchange["status"]:
            yield f"the body says status {value.get('status')}"


def exchanges_faults(document, lines, covering):
    succeeded = set()
    for line in lines:
        exchange = json.loads(line)
        for fault in exchange_faults(document, exchange):
            yield f"{exchange['method']} {exchange['path'][:200]} -> {exchange['status']}: {fault}"
        if 200 <= exchange["status"] < 300:
            template, _ = find_operation(document, exchange["method"], exchange["path"])
            succeeded.add((template, exchange["method"].lower()))
    if covering:
        for path, method, operation, _ in document.operations():
            # Nobody: a place for what others' plugins may mount.
            if (path, method) not in succeeded and not operation.get("x-heald-nobody"):
                yield f"{method.upper()} {path} was never answered with success"


def main(arguments):
    what, file = arguments[:2]
    with open(file, encoding="utf-8") as text:
        document = Document(json.load(text))
    if what == "document":
        faults = document_faults(document)
    else:
        with open(arguments[2], encoding="utf-8") as text:
            faults = list(exchanges_faults(document, text, "--covering" in arguments))
    count = 0
    for count, fault in enumerate(faults, 1):
        print(fault)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
