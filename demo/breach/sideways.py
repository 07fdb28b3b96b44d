"""A fresh container in the backend network: its very first act is a connection to Redis, its second to PostgreSQL."""

import json
import os
import socket

ATTEMPTS = (
    ("redis", os.environ["REDIS"], 6379, b"PING\r\n"),
    ("db", os.environ["DB"], 5432, b"\0\0\0\x08\x04\xd2\x16\x2f"),
)
for name, address, port, hello in ATTEMPTS:
    try:
        with socket.create_connection((address, port), timeout=3) as connection:
            connection.sendall(hello)
            result, detail = "reached", repr(connection.recv(50))
    except OSError as error:
        result, detail = "blocked", f"{type(error).__name__}: {error}"
    print(json.dumps({"step": f"sideways to {name}", "result": result, "detail": detail, "ms": 0}), flush=True)
