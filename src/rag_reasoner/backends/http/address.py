"""Where a server is and how it knows us; neither shows a key."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from rag_reasoner.errors import InvalidInput

KEY = "RAG_REASONER_API_KEY"
_KEYS_OF_HOSTS = {"api.openai.com": "OPENAI_API_KEY", "api.cohere.com": "CO_API_KEY", "api.jina.ai": "JINA_API_KEY"}
"""A service's own variable is read for that service only: a key never goes to another host."""


class Key:
    """A secret that is shown only to `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not value.isascii() or not value.isprintable() or " " in value:
            raise InvalidInput("api_key has characters that no HTTP header may have")
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Key(***)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not pickled: give it where it is used")


def checked_url(base_url: str) -> str:
    """`base_url` without a slash at its end. Raises InvalidInput where it is none, or holds what belongs elsewhere."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInput("base_url: give an address such as http://localhost:8000/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidInput("base_url: leave out user names, passwords and all after a ?; give a key as api_key")
    return base_url.rstrip("/")


def key_for(base_url: str, given: str | None, environment: Mapping[str, str] = os.environ) -> Key | None:
    """The key given, else the one in the environment for this host, else none."""
    host = urlsplit(base_url).hostname or ""
    value = given or environment.get(_KEYS_OF_HOSTS.get(host, KEY)) or environment.get(KEY)
    return Key(value) if value else None
