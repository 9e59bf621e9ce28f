#!/usr/bin/env python3
"""A mail server on loopback for tests: aiosmtpd, and Python's own mail parser as the judge.

  smtp_server.py FOLDER [--port PORT] [--tls CERT KEY] [--login USER PASSWORD]

Writes its port to FOLDER/port. Each mail becomes a line of FOLDER/mails.jsonl: envelope, headers as
the parser understands them, both parts, and what is wrong with the bytes. FOLDER/plan, where there is
one, is read before each mail: {"rcpt": {"a@b": "550 no"}, "mail": "451 later", "data": "552 no"};
{"abort": "mail"} cuts the connection there, {"abort": "data"} after the mail was taken.
"""
import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

folder = sys.argv[1]
options = sys.argv[2:]


def plan():
    try:
        with open(os.path.join(folder, "plan")) as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def faults(data):
    found = []
    if b"\n" in data.replace(b"\r\n", b""):
        found.append("a line ends without CR")
    lines = data.split(b"\r\n")
    if any(len(line) > 998 for line in lines):
        found.append("a line is longer than 998 bytes")
    body = data.split(b"\r\n\r\n", 1)[1].split(b"\r\n")
    if any(len(line) > 78 for line in body):
        found.append("a line of the body is longer than 78 bytes")
    if any(byte > 126 for byte in data):
        found.append("a byte isn't ASCII")
    return found


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if plan().get("abort") == "mail":
            server.transport.abort()
        if answer := plan().get("mail"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if answer := plan().get("rcpt", {}).get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if answer := plan().get("data"):
            return answer
        raw = envelope.content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        found = faults(raw) + [str(defect) for part in message.walk() for defect in part.defects]
        for name, value in message.items():
            found += [f"{name}: {defect}" for defect in getattr(value, "defects", ())]
        record = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "text": message.get_body(("plain",)).get_content(),
            "html": message.get_body(("html",)).get_content(),
            "tls": session.ssl is not None,
            "login": session.auth_data.decode() if session.auth_data else "",
            "faults": found,
        }
        with open(os.path.join(folder, "mails.jsonl"), "a") as file:
            file.write(json.dumps(record) + "\n")
        if plan().get("abort") == "data":
            server.transport.abort()
        return "250 taken"


settings = {}
wanted_port = int(options[options.index("--port") + 1]) if "--port" in options else 0
if "--tls" in options:
    at = options.index("--tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options[at + 1], options[at + 2])
    settings["tls_context"] = context
if "--login" in options:
    at = options.index("--login")
    user, password = options[at + 1], options[at + 2]

    def authenticator(server, session, envelope, mechanism, data):
        good = data.login.decode() == user and data.password.decode() == password
        return AuthResult(success=good, auth_data=data.login if good else None, handled=good)

    settings.update(authenticator=authenticator, auth_required=True)


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Handler(), hostname="localhost", loop=loop, **settings),
        "127.0.0.1", wanted_port)
    with open(os.path.join(folder, "port.new"), "w") as file:
        file.write(str(server.sockets[0].getsockname()[1]))
    os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
    await server.serve_forever()


asyncio.run(serve())
