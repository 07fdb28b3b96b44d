"""The Internet of the demo: names, a payment provider, a mail server, a cloud's metadata service, an attacker's host.

Runs in a network namespace that answers for the documentation ranges; what arrives is written as one JSON line each.
"""

import json
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAMES = {
    "payments.example.com": ("203.0.113.10", "2001:db8:cafe::10"),
    "mail.example.net": ("203.0.113.25", "2001:db8:cafe::25"),
    "drop.example.org": ("203.0.113.66", "2001:db8:cafe::66"),
}
LOG = open(sys.argv[2], "a", buffering=1)
LOCK = threading.Lock()


def record(what, peer, **more):
    with LOCK:
        LOG.write(json.dumps({"at": round(time.time(), 3), "what": what, "from": peer, **more}) + "\n")


class Dns(socketserver.BaseRequestHandler):
    """Answers A and AAAA for the names above, NXDOMAIN for the rest (RFC 1035)."""

    def handle(self):
        query, sock = self.request
        labels, at = [], 12
        while at < len(query) and query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode(errors="replace"))
            at += query[at] + 1
        name = ".".join(labels).lower()
        kind = struct.unpack(">H", query[at + 1 : at + 3])[0]
        question = query[12 : at + 5]
        address, code = b"", 0
        if name not in NAMES:
            code = 3
        elif kind == 1:
            address = socket.inet_pton(socket.AF_INET, NAMES[name][0])
        elif kind == 28:
            address = socket.inet_pton(socket.AF_INET6, NAMES[name][1])
        record("dns", self.client_address[0], name=name)
        answer = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 30, len(address)) + address if address else b""
        header = query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 1 if address else 0, 0, 0)
        sock.sendto(header + question + answer, self.client_address)


class DnsServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    address_family = socket.AF_INET


class Dns6Server(DnsServer):
    address_family = socket.AF_INET6


class Web(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        record(self.server.what, self.client_address[0], path=self.path, bytes=len(body))
        answer = self.server.says.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_GET


class Smtp(socketserver.StreamRequestHandler):
    """Takes any mail (RFC 5321, the least of it)."""

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        self.say("220 mail.example.net")
        for line in self.rfile:
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"DATA":
                self.say("354 go on")
                for part in self.rfile:
                    if part.strip() == b".":
                        break
                record("mail", self.client_address[0])
                self.say("250 taken")
            elif verb == b"QUIT":
                return self.say("221 bye")
            elif verb == b"EHLO":
                self.say("250 mail.example.net")
            else:
                self.say("250 ok")


class ReverseShell(socketserver.StreamRequestHandler):
    """The attacker's end of a reverse shell: asks who it is, once."""

    def handle(self):
        self.request.settimeout(5)
        try:
            self.wfile.write(b"id\n")
            said = self.rfile.readline().decode(errors="replace").strip()
        except OSError as error:
            said = str(error)
        record("reverse-shell", self.client_address[0], said=said)


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Tcp6(Tcp):
    address_family = socket.AF_INET6


class Http6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


def web(address, port, what, says, tls=None):
    server = (Http6 if ":" in address else ThreadingHTTPServer)((address, port), Web)
    server.what, server.says = what, says
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    serve(server)


folder = sys.argv[1]
provider = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
provider.load_cert_chain(f"{folder}/payments.crt", f"{folder}/payments.key")

serve(DnsServer(("198.51.100.53", 53), Dns))
serve(Dns6Server(("2001:db8:cafe::53", 53), Dns))
for address in NAMES["payments.example.com"]:
    web(address, 443, "payment", "paid", provider)
serve(Tcp(("203.0.113.25", 25), Smtp))
serve(Tcp6(("2001:db8:cafe::25", 25), Smtp))
for address in NAMES["drop.example.org"]:
    web(address, 80, "exfiltration", "thanks")
serve(Tcp(("203.0.113.66", 4444), ReverseShell))
web("169.254.169.254", 80, "metadata", '{"AccessKeyId": "EXAMPLE", "SecretAccessKey": "not-a-real-one"}')
record("up", "")
threading.Event().wait()
