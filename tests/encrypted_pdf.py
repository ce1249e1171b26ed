"""A PDF with a password: RC4 with 40 bits, the oldest kind, since it needs nothing but MD5."""

import hashlib
from functools import partial

from small_pdf import Page, pdf, text

PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
PERMISSIONS = -4
md5 = partial(hashlib.md5, usedforsecurity=False)


def encrypted(words: str, password: str) -> bytes:
    """A page with `words` that opens with `password`."""
    owner = rc4(md5(padded(password)).digest()[:5], padded(password))
    seed = padded(password) + owner + (PERMISSIONS & 0xFFFFFFFF).to_bytes(4, "little") + b"\0"
    key = md5(seed).digest()[:5]
    trailer = (
        f"/Encrypt << /Filter /Standard /V 1 /R 2 /P {PERMISSIONS} /O <{owner.hex()}> "
        f"/U <{rc4(key, PADDING).hex()}> >> /ID [<00> <00>]"
    )
    content = rc4(md5(key + (4).to_bytes(3, "little") + b"\0\0").digest()[:10], text(words))
    return pdf(Page(content), trailer=trailer)


def padded(password: str) -> bytes:
    """The 32 bytes that stand for a password."""
    return (password.encode("latin-1") + PADDING)[:32]


def rc4(key: bytes, data: bytes) -> bytes:
    """The cipher, both ways."""
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
