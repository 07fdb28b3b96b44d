"""The shop's customers: a steady load from the Internet in both families that counts every request that fails.

Writes {"requests": N, "failed": N, "slowest_ms": N, "last_error": "..."} to the given file twice a second.
"""

import http.client
import json
import os
import signal
import sys
import threading
import time

PATH, RATE = sys.argv[1], float(sys.argv[2])
SHOPS = sys.argv[3:]
STATE = {"requests": 0, "failed": 0, "slowest_ms": 0, "last_error": ""}
LOCK = threading.Lock()
STOP = threading.Event()


def visit(shop, order):
    began = time.monotonic()
    error = ""
    try:
        connection = http.client.HTTPConnection(shop, 80, timeout=10)
        if order:
            connection.request("POST", "/order", body=b"{}")
        else:
            connection.request("GET", "/")
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            error = f"{answer.status} {body[:200].decode(errors='replace')}"
        connection.close()
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    took = int((time.monotonic() - began) * 1000)
    with LOCK:
        STATE["requests"] += 1
        STATE["slowest_ms"] = max(STATE["slowest_ms"], took)
        if error:
            STATE["failed"] += 1
            STATE["last_error"] = f"{shop}: {error}"


def customer(shop, pause, number):
    visits = number
    while not STOP.wait(pause):
        visits += 1
        visit(shop, visits % 4 == 0)


def write():
    with LOCK:
        text = json.dumps(STATE)
    with open(PATH + ".new", "w") as file:
        file.write(text)
    os.replace(PATH + ".new", PATH)


signal.signal(signal.SIGTERM, lambda *_: STOP.set())
PER_SHOP = 3
threads = [
    threading.Thread(target=customer, args=(shop, PER_SHOP * len(SHOPS) / RATE, number))
    for shop in SHOPS
    for number in range(PER_SHOP)
]
for thread in threads:
    thread.start()
while not STOP.wait(0.5):
    write()
for thread in threads:
    thread.join()
write()
