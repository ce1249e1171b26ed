"""R11, line by line, with raw sockets against a process that was started as a user starts it."""

import base64
import json
import socket
import struct
import threading
import time
import zlib

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

import httpx
import psutil
from faulty_server import FaultyServer, perfect
from serving import QUERY, TEXTS, Process, connect, head, post, raw, received, said, serving, status, whole
from typer.testing import CliRunner

from rag_reasoner.cli import app as cli
from rag_reasoner.server.settings import ServerSettings

MIB = 1 << 20
TOKEN = "canary-token-5f1d"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Process("--model", "lexical", folder=tmp_path_factory.mktemp("open")) as process:
        yield process


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with Process("--model", "lexical", folder=tmp_path_factory.mktemp("guarded"), token=TOKEN) as process:
        yield process


@pytest.fixture(autouse=True)
def _lives_on(request):
    """After whatever a test did, the server still ranks."""
    yield
    if "server" in request.fixturenames:
        process = request.getfixturevalue("server")
        assert post(process.url).json()["results"][0]["index"] == 1
        assert "Traceback" not in process.said


def asked(**changes):
    return json.dumps({"query": QUERY, "documents": TEXTS, **changes}).encode()


# 127.0.0.1, token


def test_it_listens_on_this_machine_only(server):
    listening = [one.laddr.ip for one in psutil.Process(server.popen.pid).net_connections() if one.status == "LISTEN"]
    assert listening == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_other_machines_are_let_in_with_a_token_only(host):
    result = CliRunner().invoke(cli, ["serve", "--model", "lexical", "--host", host])
    assert result.exit_code == 2
    assert host in result.stderr
    assert "RAG_REASONER_SERVER_TOKEN" in result.stderr


def test_a_port_that_is_taken_and_a_host_that_is_not_here_are_named(server):
    result = CliRunner().invoke(cli, ["serve", "--model", "lexical", "--port", str(server.port)])
    assert result.exit_code == 2
    assert f"port {server.port}" in result.stderr
    elsewhere = ["serve", "--model", "lexical", "--host", "192.0.2.1", "--token", TOKEN]
    assert "192.0.2.1" in CliRunner().invoke(cli, elsewhere).stderr


@pytest.mark.parametrize("token", ["", " ", "with\nnewline", "ümlaut"])
def test_a_token_that_no_header_can_carry_is_refused(token):
    result = CliRunner(env={"RAG_REASONER_SERVER_TOKEN": ""}).invoke(
        cli, ["serve", "--model", "lexical", "--token", token]
    )
    assert result.exit_code == 2
    assert "token" in result.stderr


def test_the_token_is_no_part_of_the_settings_words():
    assert TOKEN not in repr(ServerSettings(token=TOKEN))


PATHS = ["/v1/rerank", "/v2/rerank", "/v1/answer", "/readyz", "/openapi.json", "/nothing", "/v2/rerank/", "//healthz"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer x{TOKEN}", TOKEN, "Bearer é"],
)
def test_without_the_token_there_is_nothing_but_healthz(guarded, path, given):
    headers = {} if given is None else {"authorization": given}
    for method in ("GET", "POST"):
        reply = raw(guarded.port, whole(asked(), path=path, method=method, **headers))
        assert status(reply) == 401
        assert said(reply)["error"] == "unauthorized"
        assert TOKEN.encode() not in reply


def test_healthz_needs_no_token_and_the_rest_takes_the_right_one(guarded):
    assert httpx.get(guarded.url + "/healthz").json() == {"status": "alive"}
    for path in ("/readyz", "/openapi.json"):
        assert httpx.get(guarded.url + path, headers={"authorization": f"bearer {TOKEN}"}).status_code == 200
    assert post(guarded.url, token=TOKEN).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::2]"])
def test_a_web_page_cannot_lend_the_server_its_name(server, host):
    reply = raw(server.port, whole(asked(), host=host))
    assert status(reply) == 421
    assert said(reply)["error"] == "wrong_host"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:9"])
def test_this_machines_names_are_taken(server, host):
    assert status(raw(server.port, whole(asked(), host=host))) == 200


def test_a_web_page_cannot_post_without_asking_first(server):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        reply = raw(server.port, whole(asked(), content_type=kind))
        assert status(reply) == 415
        assert "application/json" in said(reply)["message"]
    reply = raw(server.port, head(method="OPTIONS", origin="http://evil.example"))
    assert status(reply) == 405
    assert b"access-control" not in reply.lower()


# bodies: size, number, pixels, depth, encoding


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(server):
    with connect(server.port) as connection:
        connection.sendall(head(content_length=32 * MIB + 1, expect="100-continue"))
        reply = received(connection)
    assert status(reply) == 413
    assert f"{32 * MIB:,}" in said(reply)["message"]


def test_a_body_of_33_mib_gets_its_413_though_it_was_sent_whole(server):
    with connect(server.port) as connection:
        connection.sendall(whole(b'"' + b"a" * (33 * MIB) + b'"'))  # a connection closed meanwhile would be an error
        reply = received(connection)
    assert status(reply) == 413
    assert said(reply)["error"] == "too_large"


def test_a_body_in_chunks_is_counted_as_it_comes(server):
    chunk = b"%x\r\n" % MIB + b" " * MIB + b"\r\n"
    before = psutil.Process(server.popen.pid).memory_info().rss
    reply = raw(server.port, head(transfer_encoding="chunked"), *[chunk] * 200)
    assert status(reply) == 413
    assert psutil.Process(server.popen.pid).memory_info().rss - before < 100 * MIB


def test_a_body_of_just_32_mib_is_read(server):
    blank = asked()
    assert status(raw(server.port, whole(blank + b" " * (32 * MIB - len(blank))))) == 200


def test_a_hundred_documents_are_ranked_and_one_more_is_not(server):
    assert len(post(server.url, documents=[f"The museum {n}" for n in range(100)]).json()["results"]) == 100
    reply = post(server.url, documents=["x"] * 101)
    assert reply.status_code == 422
    assert "101" in reply.json()["message"]
    assert "100" in reply.json()["message"]
    assert post(server.url, "/v1/answer", query=None, question=QUERY, documents=["x"] * 101).status_code == 422


def test_a_hundred_thousand_documents_are_refused_as_soon_as_a_hundred(server):
    reply = raw(server.port, whole(b'{"query": "q", "documents": [' + b"1," * 100_000 + b"1]}"))
    assert status(reply) == 422
    assert "100001" in said(reply)["message"]


@pytest.mark.parametrize("value", [b"{},", b"[],", b'"",', b"1,", b'{"a":1},'])
def test_millions_of_values_are_refused_before_a_parser_makes_them(server, value):
    before = psutil.Process(server.popen.pid).memory_info().rss
    body = b'{"query": "q", "documents": [' + value * (30 * MIB // len(value)) + b"1]}"
    reply = raw(server.port, whole(body))
    assert status(reply) == 413
    assert "1,000,000 values" in said(reply)["message"]
    assert psutil.Process(server.popen.pid).memory_info().rss - before < 150 * MIB


def test_more_text_than_anybody_reads_is_refused(server):
    reply = post(server.url, documents=["a" * 2_000_001] * 2)
    assert reply.status_code == 413
    assert "4,000,000" in reply.json()["message"]


def png(width, height):
    """A PNG of that size whose pixels are all there, if somebody decodes them."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(b"\0" * (1 + width // 8 + 1)) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def pictured(image, **changes):
    return {"documents": [{"image": image}, "The museum opened in 1962."], **changes}


def url_of(data):
    return "data:image/png;base64," + base64.b64encode(data).decode()


def tree(process):
    """Bytes of memory of a process and its children."""
    family = [psutil.Process(process.popen.pid), *psutil.Process(process.popen.pid).children(recursive=True)]
    return sum(one.memory_info().rss for one in family)


def test_an_image_of_more_than_40_megapixels_is_refused_before_it_is_decoded(server):
    post(server.url, **pictured(url_of(png(8, 8))))
    before = tree(server)
    reply = post(server.url, **pictured(url_of(png(8_000, 5_001))))
    assert reply.status_code == 422
    assert "documents.0.image" in reply.json()["message"]
    assert "40 megapixels" in reply.json()["message"]
    assert tree(server) - before < 40 * MIB


def test_an_image_of_40_megapixels_is_taken_as_bytes_with_and_without_a_data_url(server):
    for given in (url_of(png(8_000, 5_000)), base64.b64encode(png(8, 8)).decode()):
        reply = post(server.url, **pictured(given))
        assert reply.status_code == 200
        assert sorted(one["index"] for one in reply.json()["results"]) == [0, 1]


@pytest.mark.parametrize(
    "image",
    [
        "http://127.0.0.1:{port}/x.png", "https://example.org/x.png", "file:///etc/passwd", "ftp://127.0.0.1:{port}/x",
        " http://127.0.0.1:{port}/x.png", "HTTP://127.0.0.1:{port}/", "//127.0.0.1:{port}/x.png", "/etc/passwd",
        "../../etc/passwd", "/etc/hostname", "data:text/plain;base64,aGVsbG8=", "data:image/png,plain",
        "data:image/png;base64,*", "", "aGVsbG8=", "\\\\host\\share\\x.png", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_an_image_is_bytes_never_an_address_or_a_path(server, image):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        reply = post(server.url, **pictured(image.format(port=trap.getsockname()[1])))
        assert reply.status_code == 422
        assert reply.json()["error"] == "bad_image"
        with pytest.raises(TimeoutError):
            trap.accept()


def test_hostile_image_bytes_say_no_more_than_that_they_are_none(server):
    for data in (
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        b"%PDF-1.7\n",
        b"GIF89a" + b"\0" * 30,
        png(8, 8)[:30],
        b"%!PS-Adobe-3.0 EPSF",
    ):
        reply = post(server.url, **pictured(url_of(data)))
        assert reply.status_code == 422
        for leak in ("BytesIO", "0x", "/tmp", "Pillow", "PIL", "Traceback"):
            assert leak not in reply.text


def nested(depth):
    return b'{"query": "q", "documents": [{"text": "a", "x": ' + b"[" * (depth - 3) + b"]" * (depth - 3) + b"}]}"


def test_json_nested_32_deep_is_read_and_33_is_not(server):
    assert status(raw(server.port, whole(nested(32)))) == 200
    reply = raw(server.port, whole(nested(33)))
    assert status(reply) == 400
    assert said(reply)["error"] == "too_deep"
    assert "32" in said(reply)["message"]


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b"[{", b'["', b'"\\"[', b"\xef\xbb\xbf["])
def test_a_million_brackets_end_nothing(server, opening):
    reply = raw(server.port, whole(opening * 1_000_000))
    assert status(reply) in (400, 413, 422)
    said(reply)


def test_brackets_in_texts_are_texts(server):
    reply = post(server.url, documents=["[" * 500 + '"' + "{" * 500 + "\\", *TEXTS])
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 422), (b" ", 400), (b"null", 422), (b"[]", 422), (b"{}", 422), (b"{", 400), (b'"', 400), (b"\0", 400),
        (b'{"query": "\xff", "documents": []}', 400), (b'{"query": "\xed\xa0\x80", "documents": ["a"]}', 400),
        (b'{"query": "\\ud800", "documents": ["a"]}', 422), (b'{"query": "q", "documents": ["\\udfff"]}', 422),
        (b'{"query": "q", "documents": [{"text": "a", "n": NaN}]}', 422), (b'{"query": "q", "documents": "abc"}', 422),
        (b'{"query": "q", "documents": [1]}', 422), (b'{"query": "q", "documents": [null]}', 422),
        (b'{"query": "q", "documents": [{}]}', 422), (b'{"query": "", "documents": ["a"]}', 422),
        (b'{"query": "  ", "documents": ["a"]}', 422), (b'{"query": 5, "documents": ["a"]}', 422),
        (b'{"query": "q", "documents": ["a"], "top_n": 0}', 422),
        (b'{"query": "q", "documents": ["a"], "top_n": 1.5}', 422),
        (b'{"query": "q", "documents": ["a"], "top_n": ' + b"9" * 5000 + b"}", 400),
        (b'{"query": "q", "documents": ["a"], "top_n": 1e999}', 422),
        ('{"query": "q", "documents": ["a"]}'.encode("utf-16"), 400),
    ],
)  # fmt: skip
def test_a_body_that_is_no_request_gets_a_reason(server, body, code):
    reply = raw(server.port, whole(body))
    assert status(reply) == code
    assert said(reply)["message"]


def test_a_refused_setting_is_named_with_its_value(server):
    message = post(server.url, top_n=-3).json()["message"]
    assert "top_n" in message
    assert "-3" in message


@pytest.mark.parametrize(
    "field",
    [
        "base_url", "api_base", "api_key", "model_path", "model_name_or_path", "adapter", "path", "file", "url",
        "trust_remote_code", "few_shot_file", "overrides", "filter_model", "format", "image_roots", "allow_urls",
        "extra_body", "keep", "seconds", "__class__",
    ],
)  # fmt: skip
def test_no_request_sets_a_model_an_address_or_a_path(server, field):
    for path in ("/v1/rerank", "/v2/rerank"):
        reply = raw(server.port, whole(asked(**{field: "http://127.0.0.1:9/v1"}), path=path))
        assert status(reply) == 422
        assert field in said(reply)["message"]


def test_the_model_is_fixed_whatever_is_asked_for(server):
    for model in ("rerank-v3.5", "http://127.0.0.1:9/v1", "/etc/passwd", "../../models/x"):
        reply = post(server.url, model=model).json()
        assert reply["model"] == "lexical"
        assert reply["rag_reasoner"]["model"] == "lexical"
        assert "lexical" in reply["meta"]["warnings"][0]


def test_a_documents_source_is_a_name_and_never_opened(server, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("The museum opened in the year of the canary.")
    document = {"text": "The museum.", "source": str(secret), "page": 1, "id": str(secret)}
    reply = post(server.url, documents=[document], return_documents=True)
    assert reply.status_code == 200
    assert "canary" not in reply.text


# requests that are hardly HTTP


@pytest.mark.parametrize(
    "request_",
    [
        b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50 + b"\r\n\r\n",
        b"POST /v2/rerank HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n12345",
        b"POST /v2/rerank HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /v2/rerank HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0x10\r\n\r\n",
        b"POST /v2/rerank HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST /v2/rerank HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-more: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_request_gets_a_400_as_json(server, request_):
    reply = raw(server.port, request_)
    assert status(reply) == 400
    assert said(reply)["error"] == "bad_request"


def test_a_body_longer_than_it_says_is_cut_where_it_says(server):
    body = asked()
    reply = raw(server.port, whole(body, close=False) + b"GARBAGE\r\n\r\n")
    assert status(reply) == 200
    assert b"HTTP/1.1 400" in reply


def test_a_body_shorter_than_it_says_is_given_up(server):
    with connect(server.port) as connection:
        connection.sendall(head(content_length=1000) + b"{")
        connection.shutdown(socket.SHUT_WR)
        assert received(connection) in (b"", b"HTTP") or status(received(connection)) == 408


def test_two_requests_at_once_on_one_connection_get_two_replies(server):
    body = asked()
    reply = raw(server.port, whole(body, close=False) + whole(body))
    assert reply.count(b"HTTP/1.1 200") == 2


def test_a_thousand_connections_that_are_closed_at_once_leave_nothing(server):
    for _ in range(1000):
        connect(server.port).close()
    assert httpx.get(server.url + "/healthz").status_code == 200


# slow clients


def test_200_sockets_that_dribble_do_not_keep_others_waiting(server):
    """What they wait is measured by benchmarks/server_limits.py; here nobody may wait for ever."""
    beginnings = [b"POST /v2/rer", head(content_length=1000, close=False), head(transfer_encoding="chunked")]
    slow = [connect(server.port) for _ in range(200)]
    for place, connection in enumerate(slow):
        connection.sendall(beginnings[place % 3])
    try:
        for _ in range(5):
            for connection in slow:
                connection.sendall(b"1" if connection is not slow[2] else b"1\r\n")
            assert httpx.get(server.url + "/healthz", timeout=20).status_code == 200
            assert post(server.url).status_code == 200
    finally:
        for connection in slow:
            connection.close()


def dribble(port, beginning, stop):
    """What comes back to a client that goes on a byte at a time until it is told something."""
    with connect(port) as connection:
        connection.sendall(beginning)
        connection.settimeout(0.05)
        heard = b""
        while not stop.is_set():
            try:
                connection.sendall(b"1")
                heard += (piece := connection.recv(65536))
                if not piece:
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        return heard


@pytest.mark.parametrize(
    "beginning",
    [
        b"", b"POST /v2/rerank HTTP/1.1\r\nx: ", head(content_length=100_000),
        head(method="GET", path="/healthz", content_length=10**9, close=False),
        head(path="/nothing", content_length=100_000),
    ],
)  # fmt: skip
def test_a_client_that_dribbles_is_told_so_and_closed(beginning):
    stop = threading.Event()
    with serving(header_seconds=0.5, body_seconds=0.5, slowest_body=1 << 20) as (url, _):
        timer = threading.Timer(60, stop.set)
        timer.start()
        heard = dribble(int(url.rsplit(":", 1)[1]), beginning, stop)
        timer.cancel()
    assert not stop.is_set()
    assert b"HTTP/1.1 408" in heard or b'{"status":"alive"}' in heard


def test_a_client_that_does_not_read_its_reply_is_closed():
    body = asked(documents=[{"text": "The museum.", "more": "x" * (25 * MIB)}], return_documents=True)
    with serving(stall_seconds=0.5) as (url, app), connect(int(url.rsplit(":", 1)[1])) as connection:
        connection.sendall(whole(body))
        until(lambda: app.state.life.taken == 1)
        until(lambda: app.state.life.taken == 0)
        time.sleep(2)
        assert 0 < len(received(connection)) < len(body)
        assert app.state.life.buffered == 0


def test_when_all_connections_are_taken_the_longest_silent_one_makes_room():
    with serving(max_connections=10) as (url, _):
        silent = [connect(int(url.rsplit(":", 1)[1])) for _ in range(30)]
        assert httpx.get(url + "/healthz").status_code == 200
        assert status(received(silent[0])) == 503
        for connection in silent:
            connection.close()


# the end


class Holding(FaultyServer):
    """A model's server that answers when it is let; `asked` is set once somebody waits."""

    def __init__(self):
        super().__init__(self._held)
        self.asked, self.go_on = threading.Event(), threading.Event()

    def _held(self, body):
        if body is None:
            return {"data": [{"id": "held", "owned_by": "vllm"}]}
        self.asked.set()
        assert self.go_on.wait(60)
        return perfect(body)


@pytest.fixture
def holding():
    with Holding() as server:
        yield server
        server.go_on.set()


def holder(holding, tmp_path, *options):
    model = ("--model", "held", "--base-url", holding.url(), "--filter-model", "lexical", "--keep", "all")
    return Process(*model, *options, folder=tmp_path)


def later(work):
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    return thread, found


def test_sigterm_finishes_what_was_begun_refuses_what_comes_and_ends_well(holding, tmp_path):
    with holder(holding, tmp_path) as process:
        family = psutil.Process(process.popen.pid)
        thread, found = later(lambda: post(process.url, **pictured(url_of(png(8, 8)))))
        assert holding.asked.wait(60)
        children = family.children(recursive=True)
        process.terminate()
        until(lambda: httpx.get(process.url + "/readyz").status_code == 503)
        refused = post(process.url)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.json()["error"] == "draining"
        assert httpx.get(process.url + "/healthz").status_code == 200
        holding.go_on.set()
        thread.join(60)
        assert found[0].status_code == 200
        assert process.ends() == 0
        assert children
        assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        assert "Traceback" not in process.said


def test_the_drain_ends_when_its_time_is_up(holding, tmp_path):
    with holder(holding, tmp_path, "--drain-seconds", "0.5") as process:
        thread, found = later(lambda: post(process.url))
        assert holding.asked.wait(60)
        process.terminate()
        assert process.ends() == 0
        thread.join(60)
        assert found[0].status_code == 503
        assert "Traceback" not in process.said


def test_a_second_signal_ends_it_at_once(holding, tmp_path):
    with holder(holding, tmp_path, "--drain-seconds", "600") as process:
        thread, found = later(lambda: post(process.url))
        assert holding.asked.wait(60)
        process.terminate()
        until(lambda: httpx.get(process.url + "/readyz").status_code == 503)
        process.terminate()
        assert process.ends() == 0
        thread.join(60)
        assert found[0].status_code == 503


def test_a_body_that_is_still_coming_when_the_drain_ends_is_refused(tmp_path):
    with Process("--model", "lexical", "--drain-seconds", "0.5", folder=tmp_path) as process:
        with connect(process.port) as connection:
            connection.sendall(head(content_length=1000) + b"{")
            assert httpx.get(process.url + "/healthz").status_code == 200
            process.terminate()
            assert status(received(connection)) == 503
        assert process.ends() == 0
        assert "Traceback" not in process.said


def test_without_work_sigterm_ends_it_at_once_with_slow_sockets_open(tmp_path):
    with Process("--model", "lexical", folder=tmp_path) as process:
        slow = [connect(process.port) for _ in range(20)]
        for connection in slow:
            connection.sendall(b"POST /v2/rer")
        httpx.get(process.url + "/healthz")
        process.terminate()
        assert process.ends() == 0
        for connection in slow:
            connection.close()


def until(true):
    """Waits until it is so, for a minute at most."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come about within a minute")


# canaries


def test_no_error_and_no_log_tells_a_documents_text_or_the_token(tmp_path):
    canary = "canary-text-77b1"
    texts = [canary, *TEXTS]
    bodies = [
        {"documents": texts, "top_n": 0}, {"documents": [{"text": canary, "image": canary}]},
        {"documents": [*texts, 5]},
        {"documents": [{"text": [canary]}]}, {"documents": [{"image": f"http://{canary}/"}]}, {"documents": canary},
        {"documents": [{canary: canary}]}, {"documents": [{"text": "a", "words": [{canary: canary}]}]},
        {"documents": [{"text": "a", "words": canary}]}, {"documents": [{"text": "a", "page": canary}]},
        {"query": [canary]}, {"query": "", "documents": texts}, {"documents": [f"{canary}\udfff"]},
        {"documents": {canary: canary}}, {"rank_fields": {canary: 1}}, {f"{canary} {canary}": 1}, {"model": [canary]},
        {"documents": [canary] * 101}, {"documents": [canary * 300_000]}, {"query": canary, "documents": [{}]},
    ]  # fmt: skip
    with Process("--model", "lexical", folder=tmp_path, token=TOKEN) as process:
        replies = []
        for body in bodies:
            content = json.dumps({"query": QUERY, "documents": texts, **body}).encode()
            for sent in (content, content[:-5], content + b"]", content[:20] + b"\xff" + content[20:]):
                replies.append(raw(process.port, whole(sent, authorization=f"Bearer {TOKEN}")))
        replies.append(
            raw(process.port, whole(b"{}", path=f"/{canary}?key={canary}", authorization=f"Bearer {canary}"))
        )
        replies.append(raw(process.port, f"{canary} / HTTP/1.1 {canary}\r\n\r\n".encode()))
        process.terminate()
        assert process.ends() == 0
        assert all(400 <= status(reply) < 500 for reply in replies)
        for told in (*replies, process.said.encode()):
            assert canary.encode() not in told
            assert TOKEN.encode() not in told
