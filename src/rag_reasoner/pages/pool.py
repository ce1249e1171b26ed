"""The worker processes of this process: one for each thread that reads, kept for the next one."""

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rag_reasoner.pages.client import Worker
from rag_reasoner.pages.limits import Limits


class Pool:
    """Workers for as many threads as ask, at most `size` at a time."""

    def __init__(self, limits: Limits | None = None, size: int | None = None) -> None:
        self.limits = limits or Limits()
        self.size = size or min(4, os.cpu_count() or 1)
        self._free = threading.BoundedSemaphore(self.size)
        self._lock = threading.Lock()
        self._idle: list[Worker] = []
        self._all: set[Worker] = set()

    @contextmanager
    def borrow(self) -> Iterator[Worker]:
        """A worker for this thread alone, until the block ends."""
        with self._free:
            worker = self._take()
            try:
                yield worker
            finally:
                self._put_back(worker)

    def close(self) -> None:
        """End the workers. The next `borrow` starts a new one."""
        with self._lock:
            ended, self._idle, self._all = list(self._all), [], set()
        for worker in ended:
            worker.close()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self) -> Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                self._all.discard(worker)
                worker.close()
            worker = Worker(self.limits)
            self._all.add(worker)
            return worker

    def _put_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.usable:
                self._idle.append(worker)
                return
            self._all.discard(worker)
        worker.close()

    def disown(self) -> None:
        """Forget the workers without ending them: after a fork they are the parent's."""
        for worker in self._all:
            worker.disown()


_shared = Pool()


def shared() -> Pool:
    """The pool that everything uses unless it is given another. Its workers start when first needed."""
    return _shared


def _close_shared() -> None:
    _shared.close()


def _after_fork() -> None:
    """A child must not talk to its parent's workers: it starts its own."""
    global _shared
    _shared.disown()
    _shared = Pool()


atexit.register(_close_shared)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
