"""The caller's side of the worker process: started when first needed, ended when it stalls, replaced when it dies."""

import io
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import IO, Any, BinaryIO, cast

from rag_reasoner.errors import RagReasonerError
from rag_reasoner.pages.frames import Frame, receive, send
from rag_reasoner.pages.limits import OUT_OF_MEMORY, Limits
from rag_reasoner.pages.refused import Refused

MODULE = "rag_reasoner.pages.worker"


class Lost(Exception):
    """The worker died or was ended: its text says why. What it was reading is to blame."""


class Worker:
    """One process that reads files. Serves one thread at a time: `Pool` sees to that."""

    def __init__(self, limits: Limits) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE, str(limits.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(os.path.isabs, sys.path))},
            bufsize=0,
        )
        self._requests = cast(BinaryIO, self._process.stdin)
        self._replies = cast(BinaryIO, io.BufferedReader(cast(io.FileIO, self._process.stdout), 1 << 16))
        self._start_seconds: float | None = limits.start_seconds
        self.usable = True

    def request(self, header: dict[str, Any], blob: bytes = b"", *, seconds: float) -> Iterator[Frame]:
        """The frames of the reply. A refusal is raised as `Refused`; death, and more than `seconds` without a frame,
        as `Lost`. Unless the reply is read to its end the worker cannot be used again.
        """
        usable, self.usable = self.usable, False
        if not usable:
            raise Lost("the process that reads files has ended")
        with _Watch(self._process) as watch:
            self._await_start(watch)
            watch.allow(seconds)
            self._send(Frame(header, blob), watch)
            while not (frame := self._receive(watch)).header.get("done"):
                if "refused" in frame.header:
                    self.usable = True
                    self._finish(watch)
                    raise Refused(str(frame.header["refused"]))
                yield frame
                watch.allow(seconds)
        self.usable = not frame.header.get("worn") and not watch.expired

    @property
    def alive(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process and wait for it."""
        self.usable = False
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._replies, self._errors):
            stream.close()

    def disown(self) -> None:
        """Forget the process without touching it: after a fork it is the parent's."""
        self.usable = False
        self._process.returncode = 0
        for stream in (self._requests, self._replies, self._errors):
            stream.close()

    def _await_start(self, watch: "_Watch") -> None:
        if self._start_seconds is None:
            return
        watch.allow(self._start_seconds)
        try:
            self._receive(watch)
        except Lost as lost:
            self._errors.seek(0)
            complaint = self._errors.read(1 << 20).decode(errors="replace").strip().splitlines()[-1:]
            raise RagReasonerError(f"the process that reads files does not start: {complaint or lost}") from lost
        self._start_seconds = None

    def _finish(self, watch: "_Watch") -> None:
        frame = self._receive(watch)
        self.usable = bool(frame.header.get("done")) and not frame.header.get("worn")

    def _send(self, frame: Frame, watch: "_Watch") -> None:
        try:
            send(self._requests, frame)
        except OSError as error:
            raise self._lost(watch) from error

    def _receive(self, watch: "_Watch") -> Frame:
        try:
            frame = receive(self._replies)
        except (ValueError, OSError) as error:
            raise self._lost(watch) from error
        if frame is None:
            raise self._lost(watch)
        return frame

    def _lost(self, watch: "_Watch") -> Lost:
        self._process.kill()
        status = self._process.wait()
        if watch.expired:
            return Lost(f"it takes longer than the {watch.seconds:g} s that it may")
        if status == OUT_OF_MEMORY:
            return Lost("it needs more memory than a file may take")
        return Lost("it crashes the reader, or needs more memory than a file may take")


class _Watch:
    """Kills a process that stalls. A thread of its own, so that a read from a pipe needs no time limit."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process, self._over = process, threading.Event()
        self._deadline = self.seconds = float("inf")
        self.expired = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def allow(self, seconds: float) -> None:
        """Count anew from here."""
        sooner = time.monotonic() + seconds < self._deadline
        self.seconds, self._deadline = seconds, time.monotonic() + seconds
        if sooner:
            with self._changed:
                self._changed.notify()

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._over.is_set():
                left = self._deadline - time.monotonic()
                if left <= 0:
                    self.expired = True
                    self._process.kill()
                    return
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
