"""What the page is made of, and the headers that keep a document's words from ever being run."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

GUARDS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Headers of everything that belongs to the page."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page, and the address it is served at."""

    path: str
    content: bytes
    media_type: str

    @property
    def headers(self) -> dict[str, str]:
        return {**GUARDS, "cache-control": "no-cache", "etag": self.etag}

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


def assets() -> tuple[Asset, ...]:
    """Every file of the page."""
    return tuple(_assets())


def _assets() -> Iterator[Asset]:
    for file in sorted(files(__package__).joinpath("static").iterdir(), key=lambda file: file.name):
        kind = TYPES.get("." + file.name.rpartition(".")[2])
        if kind is not None:
            path = "/" if file.name == "index.html" else f"/web/{file.name}"
            yield Asset(path, file.read_bytes(), f"{kind}; charset=utf-8")


def open_paths() -> frozenset[str]:
    """What is served without a token: the page itself, which holds nothing and asks for the token."""
    return frozenset(asset.path for asset in assets())
