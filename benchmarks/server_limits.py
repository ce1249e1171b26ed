"""How long /healthz takes while 200 clients send a byte a second each (R11).

    python benchmarks/server_limits.py --sockets 200 --asks 1000

Starts `rag-reasoner serve --model lexical`, asks /healthz on a new connection each time, without and with the slow
clients: a third of them dribbles headers, a third a body of known length, a third a body in chunks. A client that is
closed comes again.
"""

import argparse
import contextlib
import http.client
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HEAD = b"POST /v2/rerank HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
BEGINNINGS = (b"POST /v2/rer", HEAD + b"content-length: 100000\r\n\r\n", HEAD + b"transfer-encoding: chunked\r\n\r\n")
PIECES = (b"a", b"1", b"1\r\n1\r\n")


class Slow:
    """So many clients, each sending a byte a second, until told to stop."""

    def __init__(self, port: int, number: int) -> None:
        self.port, self.closed, self.stop = port, 0, threading.Event()
        self.open = [self._begin(place) for place in range(number)]
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _begin(self, place: int) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port))
        client.sendall(BEGINNINGS[place % 3])
        client.setblocking(False)
        return client

    def _run(self) -> None:
        while not self.stop.wait(1):
            for place, client in enumerate(self.open):
                try:
                    client.send(PIECES[place % 3])
                    with contextlib.suppress(BlockingIOError):
                        client.recv(4096)  # whatever comes, comes before it is closed
                        raise ConnectionResetError
                except ConnectionError:
                    self.closed += 1
                    client.close()
                    self.open[place] = self._begin(place)

    def close(self) -> None:
        self.stop.set()
        self.thread.join()
        for client in self.open:
            client.close()


def seconds(port: int, asks: int, pause: float) -> list[float]:
    """How long each took, the shortest first."""
    return sorted(_asked(port, pause) for _ in range(asks))


def _asked(port: int, pause: float) -> float:
    time.sleep(pause)
    started = time.perf_counter()
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", "/healthz")
    assert client.getresponse().read() == b'{"status":"alive"}'
    client.close()
    return time.perf_counter() - started


def told(name: str, took: list[float]) -> None:
    half, most = took[len(took) // 2], took[int(len(took) * 0.99)]
    print(f"{name}: n {len(took)}, median {1000 * half:.1f} ms, p99 {1000 * most:.1f} ms, max {1000 * took[-1]:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--asks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60, help="over which the asks are spread")
    asked = parser.parse_args()
    command = [str(Path(sys.executable).with_name("rag-reasoner")), "serve", "--model", "lexical", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        port = int(server.stdout.readline().decode().rsplit(":", 1)[1])
        told("alone", seconds(port, asked.asks, 0))
        slow = Slow(port, asked.sockets)
        told(f"beside {asked.sockets} slow clients", seconds(port, asked.asks, asked.seconds / asked.asks))
        slow.close()
        print(f"slow clients closed by the server: {slow.closed}")
        server.terminate()
    print(f"exit status {server.returncode}")


if __name__ == "__main__":
    main()
