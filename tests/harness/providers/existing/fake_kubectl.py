#!/usr/bin/env python3
"""`kubectl port-forward` without a kubelet: whoever connects is told into which pod and port it came, and echoed."""

import re
import socketserver
import sys

POD, PORT = re.search(r"pod/(\S+) :(\S+)", " ".join(sys.argv)).groups()


class Pod(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(f"{POD} {PORT}\n".encode())
        while line := self.rfile.readline():
            self.wfile.write(line)
        self.wfile.write(b"end\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Server(("127.0.0.1", 0), Pod) as server:
    sys.stdout.write(f"Forwarding from 127.0.0.1:{server.server_address[1]} -> 1\n")
    sys.stdout.flush()
    server.serve_forever()
