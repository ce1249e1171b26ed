"""One server, asked in JSON: bounded at once, bounded in time, in size and in attempts."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from rag_reasoner.backends.http.address import Key
from rag_reasoner.backends.http.body import as_json, read_body
from rag_reasoner.backends.http.events import TYPE, Listener, follow, streams
from rag_reasoner.backends.http.retry import Kind, Tries, Trouble, kind_of, retry_after
from rag_reasoner.errors import BackendError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_CONNECT_SECONDS = 10.0
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MOST_OF_AN_ERROR = 2**16


@dataclass(frozen=True, slots=True)
class Question:
    """One request: a path below the server's address, and what is posted; without it, a GET."""

    path: str
    body: Any = None


class Client:
    """Asks one server. Belongs to the loop that first uses it; `concurrency` requests are under way at most.

    The environment's proxies are not used, since documents and keys would go through them; redirects are not followed.
    """

    def __init__(self, base_url: str, key: Key | None, *, concurrency: int, proxy: str | None = None) -> None:
        self._base_url, self._key, self._concurrency, self._proxy = base_url, key, concurrency, proxy
        self._gate = asyncio.Semaphore(concurrency)
        self._http: httpx.AsyncClient | None = None

    async def ask(
        self, question: Question, ends: float, read: Callable[[Any], T], listener: Listener | None = None
    ) -> T:
        """What `read` makes of the reply's JSON; a Trouble that it raises counts as a malformed reply.

        A reply of events goes to `listener` as it comes; once it has told of it, nothing is asked again.
        Raises BackendError where the server cannot be asked, or not before `ends` (of `time.monotonic`).
        """
        tries = Tries()
        while True:
            try:
                return read(await self._before(ends, question, listener))
            except Trouble as trouble:
                tries = tries.after(trouble)
                pause = tries.pause(trouble)
                told = listener is not None and listener.told
                if told or not tries.may_go_on(trouble) or time.monotonic() + pause >= ends:
                    raise _given_up(trouble, len(tries.failed)) from None
            await asyncio.sleep(pause)

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _before(self, ends: float, question: Question, listener: Listener | None) -> Any:
        left = ends - time.monotonic()
        try:
            async with asyncio.timeout(left), self._gate:
                return await self._exchange(question, listener)
        except TimeoutError:
            raise Trouble(Kind.FINAL, "the server did not reply in time") from None

    async def _exchange(self, question: Question, listener: Listener | None) -> Any:
        method = "GET" if question.body is None else "POST"
        url = f"{self._base_url}{question.path}"
        headers = {"accept": f"{TYPE}, application/json"} if listener else None
        with _troubles():
            async with self._opened().stream(method, url, json=question.body, headers=headers) as response:
                kind = kind_of(response.status_code)
                if kind is not None:
                    raise await _refused(response, kind)
                if listener and streams(response):
                    return await follow(response, listener)
                return as_json(await read_body(response))

    def _opened(self) -> "httpx.AsyncClient":
        import httpx

        if self._http is None:
            self._http = httpx.AsyncClient(
                auth=_bearer(self._key) if self._key else None,
                headers={"accept": "application/json", "accept-encoding": "identity", "user-agent": "rag-reasoner"},
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
                limits=httpx.Limits(max_connections=self._concurrency),
                follow_redirects=False,
                trust_env=False,
                proxy=self._proxy,
            )
        return self._http


class Refused(BackendError):
    """The server replied, with a status that says no."""

    def __init__(self, message: str, *, status: int = 0, retryable: bool = False) -> None:
        super().__init__(message, retryable=retryable)
        self.status = status


def _bearer(key: Key) -> Any:
    """Puts the key into a request where it is sent, and nowhere before."""
    import httpx

    class Bearer(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Any:
            request.headers["authorization"] = f"Bearer {key.reveal()}"
            yield request

    return Bearer()


@contextmanager
def _troubles() -> Iterator[None]:
    """What httpx raises, in the words of the retry table. Its messages may hold addresses and replies: not repeated."""
    import httpx

    try:
        yield
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL):
        raise Trouble(Kind.FINAL, "the request could not be sent: look at base_url and api_key") from None
    except httpx.ConnectError:
        raise Trouble(Kind.UNREACHED, "the server cannot be reached: look at base_url, and whether it runs") from None
    except httpx.TransportError as error:
        raise Trouble(Kind.UNREACHED, f"the connection broke ({type(error).__name__})") from None


async def _refused(response: "httpx.Response", kind: Kind) -> Trouble:
    status = response.status_code
    wait = retry_after(response.headers.get("retry-after")) if kind is Kind.BUSY else None
    if 300 <= status < 400:
        return Trouble(kind, f"HTTP {status}: redirects are not followed; give the address that it leads to")
    return Trouble(kind, f"HTTP {status}{await _reason(response)}{_advice(status)}", wait, status)


async def _reason(response: "httpx.Response") -> str:
    """The error's code, if it is one word: what a server writes freely may repeat a document or a key."""
    try:
        said = as_json(await read_body(response, _MOST_OF_AN_ERROR))
    except Trouble:
        return ""
    error = said.get("error", said) if isinstance(said, dict) else {}
    names = [error.get("code"), error.get("type")] if isinstance(error, dict) else []
    words = [name for name in names if isinstance(name, str) and _CODE.fullmatch(name.lower())]
    return f" ({words[0]})" if words else ""


def _advice(status: int) -> str:
    match status:
        case 401 | 403:
            return ": give the server's key as api_key, or in RAG_REASONER_API_KEY"
        case 404:
            return ": look at base_url (most end in /v1) and at the model's name"
        case 400 | 413 | 422:
            return ": the server does not take this request; look at the model's context and at the dialect"
        case _:
            return ""


def _given_up(trouble: Trouble, attempts: int) -> BackendError:
    times = f" (asked {attempts} times)" if attempts > 1 else ""
    message, retryable = f"{trouble}{times}", trouble.kind is not Kind.FINAL
    if trouble.status is None:
        return BackendError(message, retryable=retryable)
    return Refused(message, status=trouble.status, retryable=retryable)
