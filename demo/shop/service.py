"""What the shop's two HTTP services have in common: a dual-stack server, metrics, and patience at start."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COUNTERS = {"requests": 0, "failures": 0}
LOCK = threading.Lock()


def count(name):
    with LOCK:
        COUNTERS[name] += 1


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6  # IPv4 comes along as mapped addresses
    request_queue_size = 128
    daemon_threads = True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_request(self, routes):
        path = self.path.split("?")[0]
        if path == "/metrics":
            lines = [f"shop_{name}_total {value}\n" for name, value in COUNTERS.items()]
            return self.answer(200, "".join(lines), "text/plain; version=0.0.4")
        if path not in routes:
            return self.answer(404, {"error": f"no {path} here"})
        count("requests")
        try:
            return routes[path](self)
        except Exception as error:
            count("failures")
            return self.answer(502, {"error": f"{type(error).__name__}: {error}"})

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


def until_ready(what, attempt, limit=60):
    """Calls attempt until it does not raise: the services start together, in no order."""
    deadline = time.monotonic() + limit
    while True:
        try:
            return attempt()
        except Exception as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"{what}: {error}")
            time.sleep(0.2)
