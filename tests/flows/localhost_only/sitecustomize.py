"""Put on PYTHONPATH: every Python process of a run refuses to reach beyond this machine, and writes down who tried."""

import os
import sys
import traceback
from pathlib import Path
from typing import Any

LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", "", None}


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):  # not a Unix socket
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in LOCAL:
        with Path(os.environ["CONNECTIONS_LOG"]).open("a") as log:
            log.write(f"{event} {host} by {sys.argv}\n{''.join(traceback.format_stack(limit=25))}\n")
        raise ConnectionRefusedError(f"{host} is beyond this machine")


sys.addaudithook(refuse)
