"""A docker client and a daemon that are quick: a socket, a process file, and containers that are files."""

import sys

CLIENT = """
case "$1 $2" in
"container ls") ls $HOME/containers 2>/dev/null; exit 0;;
"container rm") shift 4; cd $HOME/containers; rm "$@"; exit 0;;
esac
[ -S "${DOCKER_HOST#unix://}" ] || { echo "Cannot connect to the Docker daemon"; exit 1; }
echo server=20.10.24"""
"""A client that looks whether the socket is there; its containers are files."""
DAEMON = f"""exec {sys.executable} -c '
import json, os, signal, socket, sys
settings = json.load(open(sys.argv[2]))
open(settings["pidfile"], "w").write(str(os.getpid()))
path = settings["hosts"][0].removeprefix("unix://")
socket.socket(socket.AF_UNIX).bind(path)
def end(number, frame):
    os.unlink(path); os.unlink(settings["pidfile"]); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: signal.pause()
' "$@" """
"""A daemon with the manners of the real one: socket, process file, an end in order on SIGTERM."""
