"""Our server for the tests: as a process of its own, or on a thread of this one; and sockets to be rude with."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from rag_reasoner import ReasoningReranker
from rag_reasoner.server.app import create_app
from rag_reasoner.server.listening import listen
from rag_reasoner.server.settings import ServerSettings

QUERY = "When did the museum open?"
TEXTS = ["Basalt is a rock.", "The museum opened in 1962.", "A museum shows things."]


class Process:
    """`rag-reasoner serve`, as a user starts it, on a free port."""

    def __init__(self, *options, folder, token=None):
        self.log = Path(folder) / "serve.log"
        command = [str(Path(sys.executable).with_name("rag-reasoner")), "serve", "--port", "0", *options]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if token:
            environment["RAG_REASONER_SERVER_TOKEN"] = token
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment)
        said = self.popen.stdout.readline().decode()
        assert "http://" in said, self.log.read_text()
        self.url = said.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()

    def terminate(self):
        self.popen.send_signal(signal.SIGTERM)

    def ends(self):
        """The exit status, once it has ended."""
        return self.popen.wait(60)

    @property
    def said(self):
        """Everything on its standard error so far."""
        return self.log.read_text("utf-8", "replace")


@contextlib.contextmanager
def serving(model="lexical", **settings):
    """A server on a thread of this process, over a backend of the tests: its address and its app."""
    made = ServerSettings(**settings)
    app = create_app(ReasoningReranker(model, keep="all"), made)
    opened, address = threading.Event(), []

    def tell(url):
        address.append(url)
        opened.set()

    thread = threading.Thread(target=listen, args=(app, made, "127.0.0.1", 0, tell))
    thread.start()
    assert opened.wait(60)
    try:
        yield address[0], app
    finally:
        app.state.life.draining = True
        thread.join(60)
        assert not thread.is_alive()


def post(url, path="/v2/rerank", token=None, **body):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    asked = {"query": QUERY, "documents": TEXTS, **body}
    asked = {name: value for name, value in asked.items() if value is not None}
    return httpx.post(url + path, json=asked, headers=headers, timeout=60)


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def raw(port, *pieces):
    """What comes back, to the last byte, for exactly these bytes."""
    with connect(port) as connection:
        with contextlib.suppress(ConnectionError):  # it may say no before it has heard everything
            for piece in pieces:
                connection.sendall(piece)
        return received(connection)


def received(connection):
    pieces = []
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def head(path="/v2/rerank", method="POST", close=True, **headers):
    """A request's head. An underscore in a name is a hyphen."""
    named = {"host": "127.0.0.1", "content_type": "application/json", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    if close:
        lines.append("connection: close")
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def whole(body, **headers):
    """A request with its body."""
    return head(**{"content_length": len(body), **headers}) + body


def status(reply):
    return int(reply.split(b" ", 2)[1])


def said(reply):
    """The JSON of a raw reply, which must be an error as we tell them."""
    body = json.loads(reply.split(b"\r\n\r\n", 1)[1])
    assert set(body) == {"message", "error"}
    return body
