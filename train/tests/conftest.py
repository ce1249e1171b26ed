"""What every test stands on: no network beyond this machine, a clean environment, weights where a test is marked."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")

CACHE = "RAG_REASONER_CACHE"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
SAMPLE = Path(__file__).parent.parent / "sample"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A connection to anything but this machine is an error."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def refuse(address):
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to connect to {address!r}")

    def guarded(self, address):
        refuse(address)
        return connect(self, address)

    def guarded_ex(self, address):
        refuse(address)
        return connect_ex(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)


@pytest.fixture(autouse=True)
def clean_environment(request, monkeypatch, tmp_path):
    """No setting of the caller's shell reaches a test; only one marked `model` sees the cache with the weights."""
    keep = {CACHE} if request.node.get_closest_marker("model") else set()
    for name in os.environ:
        if name.startswith("RAG_REASONER_") and name not in keep:
            monkeypatch.delenv(name)
    if not keep:
        monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def sample():
    """The folder with the 60 rows that ship."""
    return SAMPLE
