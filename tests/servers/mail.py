#!/usr/bin/env python3
"""A mail server that insists on STARTTLS and takes everything: what it took is in DIRECTORY/mails, one JSON a line.

mail.py DIRECTORY: serves on 127.0.0.1:2525, with good.crt and good.key of DIRECTORY. Says "ready" on standard output.
"""
import base64, email, email.policy, json, os, socketserver, ssl, sys, threading

directory = sys.argv[1]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{directory}/good.crt", f"{directory}/good.key")


class Mail(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")
        self.wfile.flush()

    def handle(self):
        taken = {"tls": False, "user": None, "from": None, "to": []}
        self.say("220 mail.test")
        while line := self.rfile.readline(65536).decode(errors="replace").strip():
            word, _, rest = line.partition(" ")
            word = word.upper()
            if word == "EHLO":
                self.say("250-mail.test")
                self.say("250 AUTH PLAIN" if taken["tls"] else "250 STARTTLS")
            elif word == "STARTTLS":
                self.say("220 go on")
                self.connection = context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
                taken["tls"] = True
            elif word == "QUIT":
                return self.say("221 bye")
            elif not taken["tls"]:
                self.say("530 STARTTLS first")
            elif word == "AUTH":
                _, user, password = base64.b64decode(rest.split(" ")[1]).decode().split("\0")
                taken["user"] = f"{user}:{password}"
                self.say("235 welcome")
            elif word == "MAIL":
                taken["from"] = rest
                self.say("250 ok")
            elif word == "RCPT":
                taken["to"].append(rest)
                self.say("250 ok")
            elif word == "DATA":
                self.say("354 go on")
                data = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    data += part[1:] if part.startswith(b".") else part
                message = email.message_from_bytes(data, policy=email.policy.default)
                body = message.get_body(("plain",))
                taken |= {"subject": message["Subject"], "text": body.get_content() if body else ""}
                with open(f"{directory}/mails", "a") as mails:
                    mails.write(json.dumps(taken) + "\n")
                self.say("250 taken")
            else:
                self.say("250 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


server = Server(("127.0.0.1", 2525), Mail)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
