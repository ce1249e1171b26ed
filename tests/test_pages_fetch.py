"""Images by URL come from public addresses only, whole, in time, and only where URLs are allowed at all."""

import io
import time

import httpx
import pytest
from PIL import Image as pillow

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import load
from rag_reasoner.pages.fetch import fetch, is_public
from rag_reasoner.types import Image

PUBLIC = "93.184.215.14"
NAMES = {
    "images.example": [PUBLIC],
    "six.example": ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "localhost": ["127.0.0.1"],
    "localhost.": ["127.0.0.1"],
    "inside.example": ["10.1.2.3"],
    "both.example": [PUBLIC, "192.168.1.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "nothing.example": [],
    "noise.example": ["not an address"],
    "scoped.example": ["fe80::1%eth0"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
}
NUMBERS = {"127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.0.1", "017700000001", "0"}


def resolve(host, port):
    """As a name server and inet_aton would."""
    if host in NUMBERS:
        return ["0.0.0.0" if host == "0" else "127.0.0.1"]
    if host in NAMES:
        return NAMES[host]
    if host.strip("[]").replace(".", "").replace(":", "").replace("%", "").isalnum() and is_address(host):
        return [host]
    raise OSError("no such host")


def is_address(host):
    try:
        return bool(httpx.URL(host="x").copy_with(host=host)) and (":" in host or host.replace(".", "").isdigit())
    except httpx.InvalidURL:
        return False


class Wire(httpx.BaseTransport):
    """Answers every request with what it was given, and remembers what was asked."""

    def __init__(self, *replies):
        self.replies, self.asked = list(replies), []

    def handle_request(self, request):
        self.asked.append(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def sent(data):
    """A good answer, sent as a server does."""
    return httpx.Response(200, stream=httpx.ByteStream(data))


TRICKS = [
    *("http://127.0.0.1/", "http://127.0.0.2/i.png", "http://127.1/", "http://127.0.1/", "http://2130706433/"),
    *("http://0x7f000001/", "http://0177.0.0.1/", "http://0x7f.1/", "http://017700000001/", "http://0/"),
    *("http://0.0.0.0/", "http://localhost/", "http://localhost./", "http://LOCALHOST/", "https://localhost/"),
    *("http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.0.1/", "http://100.64.0.1/"),
    *("http://169.254.169.254/latest/meta-data/", "http://169.254.170.2/", "http://metadata.google.internal/"),
    *("http://100.100.100.200/", "http://192.0.0.192/", "http://198.18.0.1/", "http://224.0.0.1/", "http://240.0.0.1/"),
    *("http://255.255.255.255/", "http://192.0.2.1/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/"),
    *("http://[::ffff:7f00:1]/", "http://[::ffff:a9fe:a9fe]/", "http://[fe80::1]/", "http://[fc00::1]/"),
    *("http://[fd00:ec2::254]/", "http://[ff02::1]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b::a9fe:a9fe]/"),
    *("http://[2002:7f00:1::]/", "http://[2001:db8::1]/", "http://[::127.0.0.1]/", "http://[64:ff9b:1::1]/"),
    *("http://inside.example/", "http://both.example/", "http://mapped.example/", "http://nothing.example/"),
    *("http://noise.example/", "http://scoped.example/", "http://127.0.0.1.nip.io/", "http://unknown.example/"),
    *("http://images.example@127.0.0.1/", "http://user:pass@images.example/", "http://images.example:22/"),
    *("http://images.example:8080/", "https://images.example:80/", "http://127.0.0.1#@images.example/"),
    *("http://127.0.0.1\\@images.example/", "file:///etc/passwd", "ftp://images.example/", "gopher://127.0.0.1:6379/_"),
    *("data:image/png;base64,AAAA", "//images.example/i.png", "images.example/i.png", "http://", "http:///etc/passwd"),
    *("dict://127.0.0.1:11211/", "unix:///var/run/docker.sock", "jar:http://127.0.0.1!/", "http://①②⑦.⓪.⓪.①/"),
    *("http://[::1%25eth0]/", "http://images.example\r\nHost: x/", "", " ", "http://a\0b/"),
]


@pytest.mark.parametrize("url", TRICKS)
def test_no_trick_reaches_a_private_address(url):
    wire = Wire(sent(b"secret"))
    with pytest.raises(Unreadable):
        fetch(url, resolve=resolve, transport=wire)
    assert wire.asked == []


@pytest.mark.parametrize("url", TRICKS)
def test_no_redirect_leads_to_a_private_address(url):
    wire = Wire(httpx.Response(302, headers={"location": url.encode("utf-8")}), httpx.Response(404))
    with pytest.raises(Unreadable):
        fetch("http://images.example/", resolve=resolve, transport=wire)
    assert {request.url.host for request in wire.asked} == {PUBLIC}


def test_there_are_sixty_tricks_or_more():
    assert len(TRICKS) >= 60


def test_the_checked_address_is_the_one_connected_to():
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    wire = Wire(sent(b"image"))
    assert fetch("https://images.example/i.png?x=1", resolve=lambda *_: next(answers), transport=wire) == b"image"
    (request,) = wire.asked
    assert (request.url.host, request.headers["host"]) == (PUBLIC, "images.example")
    assert request.extensions["sni_hostname"] == "images.example"
    assert str(request.url) == f"https://{PUBLIC}/i.png?x=1"


def test_addresses_of_six_are_fetched_too():
    wire = Wire(sent(b"image"))
    assert fetch("http://six.example/", resolve=resolve, transport=wire) == b"image"


def test_redirects_between_public_hosts_are_followed_but_not_for_ever():
    there = httpx.Response(301, headers={"location": "//six.example/i.png"})
    assert fetch("http://images.example/", resolve=resolve, transport=Wire(there, sent(b"image"))) == b"image"
    with pytest.raises(Unreadable, match="redirected too often"):
        fetch("http://images.example/", resolve=resolve, transport=Wire(there))


def test_what_is_too_large_is_cut_off():
    def endless():
        while True:
            yield b"x" * 1000

    with pytest.raises(Unreadable, match="more than the 5,000 bytes"):
        fetch(
            "http://images.example/",
            resolve=resolve,
            max_bytes=5000,
            transport=Wire(httpx.Response(200, content=endless())),
        )


def test_what_drips_ends_at_the_deadline():
    def dripping():
        while True:
            time.sleep(0.01)
            yield b"x"

    wire = Wire(httpx.Response(200, content=dripping()))
    with pytest.raises(Unreadable, match=r"too slowly|not fetched within"):
        fetch("http://images.example/", resolve=resolve, seconds=0.2, transport=wire)


def test_a_silent_name_server_ends_at_the_deadline():
    wire = Wire(sent(b"image"))
    with pytest.raises(Unreadable, match="not fetched within"):
        fetch("http://images.example/", resolve=lambda *_: time.sleep(0.3) or [PUBLIC], seconds=0.1, transport=wire)
    time.sleep(0.4)
    assert wire.asked == []


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(404),
        httpx.Response(500),
        httpx.Response(206, content=b"x"),
        httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"\x1f\x8b")),
        httpx.Response(302),
    ],
    ids=lambda reply: f"{reply.status_code} {reply.headers.get('content-encoding', '')}",
)
def test_other_answers_are_unreadable(reply):
    with pytest.raises(Unreadable):
        fetch("http://images.example/", resolve=resolve, transport=Wire(reply))


def test_a_broken_connection_is_told_without_its_message():
    class Broken(httpx.BaseTransport):
        def handle_request(self, request):
            raise httpx.ConnectError("secret detail")

    with pytest.raises(Unreadable, match="ConnectError") as caught:
        fetch("http://images.example/", resolve=resolve, transport=Broken())
    assert "secret detail" not in str(caught.value)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public(address):
    assert is_public(address)


def test_urls_are_not_fetched_unless_allowed(monkeypatch):
    fetched = []
    out = io.BytesIO()
    pillow.new("RGB", (5, 4)).save(out, "PNG")
    monkeypatch.setattr("rag_reasoner.pages.fetch.fetch", lambda url: fetched.append(url) or out.getvalue())
    image = Image(url="https://images.example/i.png")
    with pytest.raises(Unreadable, match="allow_urls"):
        load(image)
    assert fetched == []
    assert load(image, allow_urls=True).size == (5, 4)
