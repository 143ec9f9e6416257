"""WsgiDAV on cheroot as they come, in a process of its own: what they leave hanging goes with it.

Usage: python stock.py FOLDER TIMEOUT. Prints the port, ends with its standard input.
"""

import sys
import threading

from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp


def serve(folder: str, timeout: float) -> None:
    """Serve `folder` to everyone until standard input ends."""
    config = {
        "provider_mapping": {"/": folder},
        "simple_dc": {"user_mapping": {"*": True}},
        "logging": {"enable": False},
        "verbose": 0,
    }
    server = Server(("127.0.0.1", 0), WsgiDAVApp(config), timeout=timeout)
    server.prepare()
    threading.Thread(target=server.serve, daemon=True).start()
    print(server.bind_addr[1], flush=True)  # noqa: T201  this is how the test learns it
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1], float(sys.argv[2]))
