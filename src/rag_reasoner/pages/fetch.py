"""Images by URL, from public addresses only.

The address that is checked is the address that is connected to, so that a name cannot mean another one a moment
later; each redirect is checked anew; size and time are bounded in all, whatever the server does. Proxies set in the
environment are not used: behind one nobody could check the address.
"""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from threading import Thread

import httpx

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages.limits import MAX_IMAGE_BYTES

PORTS = {"http": 80, "https": 443}
MAX_REDIRECTS = 3
FETCH_SECONDS = 20.0
NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48")))
"""Set apart by the registries, some of it home to a cloud's metadata; not every Python knows."""

NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Iterable[str]]


def fetch(
    url: str,
    *,
    max_bytes: int = MAX_IMAGE_BYTES,
    seconds: float = FETCH_SECONDS,
    resolve: Resolve | None = None,
    transport: httpx.BaseTransport | None = None,
) -> bytes:
    """The bytes behind `url`; `Unreadable` where it is not allowed, too large, too slow or not there."""
    got: Future[bytes] = Future()
    one = _Fetch(url, max_bytes, time.monotonic() + seconds, resolve or _addresses, transport)
    Thread(target=one.run, args=(got,), daemon=True).start()
    try:
        return got.result(seconds)
    except TimeoutError as error:
        raise Unreadable(url, f"it was not fetched within {seconds:g} s") from error


class _Fetch:
    """One fetch, in a thread of its own: a name server may keep silent longer than any deadline."""

    def __init__(
        self, url: str, max_bytes: int, deadline: float, resolve: Resolve, transport: httpx.BaseTransport | None
    ) -> None:
        self._url, self._max_bytes, self._deadline = url, max_bytes, deadline
        self._resolve, self._transport = resolve, transport

    def run(self, got: "Future[bytes]") -> None:
        """Hand the bytes, or what went wrong, to whoever waits."""
        try:
            got.set_result(self._follow())
        except BaseException as error:  # noqa: BLE001 (raised again by the one who waits)
            got.set_exception(error)

    def _follow(self) -> bytes:
        timeout = max(0.01, self._deadline - time.monotonic())
        url = _parsed(self._url)
        with httpx.Client(transport=self._transport, trust_env=False, timeout=timeout) as client:
            for _ in range(MAX_REDIRECTS + 1):
                got = self._hop(client, url)
                if isinstance(got, bytes):
                    return got
                url = got
        raise self._refusal("it is redirected too often")

    def _hop(self, client: httpx.Client, url: httpx.URL) -> bytes | httpx.URL:
        """The bytes at `url`, or where it sends us."""
        request = self._request(client, url)
        if time.monotonic() > self._deadline:
            raise self._refusal("its name takes too long to look up")
        try:
            response = client.send(request, stream=True, follow_redirects=False)
            try:
                if response.has_redirect_location:
                    return _joined(url, response.headers["location"], self._url)
                return self._body(response)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise self._refusal(f"it cannot be fetched ({type(error).__name__})") from error

    def _request(self, client: httpx.Client, url: httpx.URL) -> httpx.Request:
        """A request to the one address that was checked, with the name that was asked for."""
        address = self._public_address(url)
        headers = {"Host": url.netloc.decode("ascii"), "Accept": "image/*", "Accept-Encoding": "identity"}
        return client.build_request(
            "GET", url.copy_with(host=address), headers=headers, extensions={"sni_hostname": url.host}
        )

    def _public_address(self, url: httpx.URL) -> str:
        port = PORTS.get(url.scheme)
        if port is None or not url.host or url.userinfo or (url.port or port) != port:
            raise self._refusal("only plain http and https addresses on their own ports are fetched")
        try:
            addresses = list(self._resolve(url.host, port))
        except (OSError, UnicodeError) as error:
            raise self._refusal("its host is not known") from error
        if not addresses or not all(map(is_public, addresses)):
            raise self._refusal("its host is not on the public internet")
        return addresses[0]

    def _body(self, response: httpx.Response) -> bytes:
        if response.status_code != 200:
            raise self._refusal(f"the server answers {response.status_code}")
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise self._refusal("the server compresses what it was asked to send as it is")
        data = bytearray()
        for piece in response.iter_raw():
            data += piece
            if len(data) > self._max_bytes:
                raise self._refusal(f"it has more than the {self._max_bytes:,} bytes that an image may have")
            if time.monotonic() > self._deadline:
                raise self._refusal("it is sent too slowly")
        return bytes(data)

    def _refusal(self, reason: str) -> Unreadable:
        return Unreadable(self._url, reason)


def is_public(text: str) -> bool:
    """Whether an address is one that anybody on the internet may reach; an IPv4 address inside an IPv6 one counts."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return all(map(_is_public, _meant(address)))


def _is_public(address: Address) -> bool:
    if address.is_multicast or address.is_reserved or any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global


def _meant(address: Address) -> list[Address]:
    """The address, and those that it carries inside."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address in NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    mapped: list[Address] = [one for one in carried if one is not None]
    return [*mapped, address] if address.ipv4_mapped is None else mapped


def _addresses(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _parsed(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Unreadable(url, "it is not a URL") from error


def _joined(url: httpx.URL, location: str, asked: str) -> httpx.URL:
    try:
        return url.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise Unreadable(asked, "it is redirected to what is not a URL") from error
