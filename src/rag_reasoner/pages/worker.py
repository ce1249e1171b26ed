"""The process that reads hostile files: `python -m rag_reasoner.pages.worker MEMORY_BYTES`.

It answers requests on its standard input, and ends when that ends, when its parent is gone, or when it needs more
memory than it may. Its caller ends it when it takes too long.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rag_reasoner.pages.frames import Frame, receive, send
from rag_reasoner.pages.limits import OUT_OF_MEMORY
from rag_reasoner.pages.refused import Refused

POLL_SECONDS = 0.05


def main(memory: int) -> None:
    """Serve until the caller is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = _claim_stdout()
    _limit(memory)
    threading.stack_size(256 * 1024)
    threading.Thread(target=_guard, args=(memory, os.getppid()), daemon=True).start()
    send(replies, Frame({"ready": True}))
    while request := receive(sys.stdin.buffer):
        for frame in _answer(request):
            send(replies, frame)
        send(replies, Frame({"done": True, "worn": _resident() > memory // 2}))


def _answer(request: Frame) -> Iterator[Frame]:
    try:
        yield from _operation(request.header.pop("do"))(**request.header, blob=request.blob)
    except Refused as refused:
        yield Frame({"refused": str(refused)})
    except MemoryError:
        yield Frame({"refused": "it needs more memory than a file may take"})
    except OSError as error:
        yield Frame({"refused": error.strerror or "it cannot be read"})


def _operation(name: str) -> Callable[..., Iterator[Frame]]:
    from rag_reasoner.pages import pdf, picture  # here, so that the first frame is not kept waiting

    operations: dict[str, Callable[..., Iterator[Frame]]] = {
        "read": pdf.read,
        "words": pdf.words,
        "inspect": picture.inspect,
        "draw": _draw,
    }
    return operations[name]


def _draw(blob: bytes, path: str | None, **options: Any) -> Iterator[Frame]:
    from rag_reasoner.pages import pdf, picture

    source = blob if path is None else Path(path)
    return pdf.draw(source, **options) if pdf.is_pdf(source) else picture.draw(source, **options)


def _claim_stdout() -> BinaryIO:
    """The pipe to the caller; whatever a library prints goes to the standard error instead."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return replies


def _limit(memory: int) -> None:
    """Address space, dumps of memory and files written, where the system knows such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 1 << 20)):
        hard = resource.getrlimit(kind)[1]
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        try:
            resource.setrlimit(kind, (allowed, hard))
        except (ValueError, OSError):  # macOS refuses RLIMIT_AS: the guard below still counts
            continue


def _guard(memory: int, parent: int) -> None:
    """Ends the process, even in the middle of a call into C, when it is too large or its parent is gone."""
    while os.getppid() == parent:
        if _resident() > memory:
            os._exit(OUT_OF_MEMORY)
        time.sleep(POLL_SECONDS)
    os._exit(0)


def _resident() -> int:
    """Bytes of memory in use, or the most ever used where only that is told; 0 where nothing is."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return _peak()


def _peak() -> int:
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(int(sys.argv[1]))
