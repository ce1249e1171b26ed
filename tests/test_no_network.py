"""The guard of tests/conftest.py holds."""

import os
import socket

import pytest

ELSEWHERE = ("192.0.2.1", 9)  # an address that is reserved for documentation


def test_a_test_cannot_reach_another_machine():
    with socket.socket() as caller, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        caller.connect(ELSEWHERE)


def test_nor_can_it_by_the_quiet_way():
    with socket.socket() as caller, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        caller.connect_ex(ELSEWHERE)


def test_a_server_on_this_machine_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as caller:
        assert caller.getpeername() == server.getsockname()


def test_a_test_that_needs_no_model_sees_no_weights(tmp_path):
    assert os.environ["RAG_REASONER_CACHE"] == str(tmp_path / "cache")
