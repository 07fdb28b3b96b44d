"""The shop's pages. DELIBERATELY VULNERABLE: /export hands its parameter to a shell, which is the breach of the demo."""

import json
import subprocess
import urllib.parse
import urllib.request

from service import Handler, Server

API = "http://api:9000"


def fetch(path, body=None):
    request = urllib.request.Request(API + path, data=body)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def catalogue(handler):
    items = "".join(f"<li>{item['name']}: {item['price']}</li>" for item in fetch("/products"))
    handler.answer(200, f"<h1>The shop</h1><ul>{items}</ul>", "text/html; charset=utf-8")


def order(handler):
    handler.answer(200, fetch("/orders", handler.body() or b"{}"))


def export(handler):
    """Meant to run `date +FORMAT`; runs whatever stands behind a semicolon as well."""
    form = urllib.parse.parse_qs(handler.body().decode())
    command = "date +" + form.get("format", ["%F"])[0]
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=120)
    handler.answer(200, done.stdout + done.stderr, "text/plain")


ROUTES = {"/": catalogue, "/order": order, "/export": export}


class Web(Handler):
    def do_GET(self):
        self.handle_request(ROUTES)

    do_POST = do_GET


Server(("::", 8080), Web).serve_forever()
