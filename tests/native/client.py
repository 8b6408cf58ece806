"""A native client, as apps outside of a browser use them: python-socketio, which sends the server's own address as origin.

Usage: client.py URL TRANSPORT. Reads {"token", "latitude", "longitude", "until"} from its input, connects under the host name
of the URL, which need not exist (it stands for the machine itself), and prints what it got as JSON. With "until" it goes on
until this event has arrived, and prints the names of all that arrived, too.
"""

import json
import socket
import sys
import threading
from urllib.parse import urlsplit

import socketio

WAIT = 60
NAMESPACE = "/emergencies"

url, transport = sys.argv[1:3]
name = urlsplit(url).hostname
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *more, **named: resolve("127.0.0.1" if host == name else host, *more, **named)

given = json.load(sys.stdin)
client = socketio.Client(reconnection=False)
ready = threading.Event()
ended = threading.Event()
received = {"events": []}


def on_ready(payload):
    received["ready"] = payload
    ready.set()


def on_event(name, *_):
    received["events"].append(name)
    if name == given.get("until"):
        ended.set()


client.on("session:ready", on_ready, namespace=NAMESPACE)
# Its return acknowledges an event that asks for it.
client.on("*", on_event, namespace=NAMESPACE)
try:
    client.connect(url, auth={"token": given["token"]}, namespaces=[NAMESPACE], transports=[transport], wait_timeout=WAIT)
    if not ready.wait(WAIT):
        raise TimeoutError("no session:ready")
    position = {key: given[key] for key in ("latitude", "longitude")}
    received["located"] = client.call("location:update", position, namespace=NAMESPACE, timeout=WAIT)
    if given.get("until") and not ended.wait(WAIT):
        raise TimeoutError(f"no {given['until']}")
except Exception as error:  # whatever it is, the test shows it
    received["error"] = repr(error)
finally:
    client.disconnect()
print(json.dumps(received))
