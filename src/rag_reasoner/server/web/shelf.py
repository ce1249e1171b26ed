"""The uploaded files of this process: in a temporary folder, under names of ours, gone when the server ends."""

import asyncio
import secrets
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from rag_reasoner.pages.pool import Pool
from rag_reasoner.pages.roots import revoke
from rag_reasoner.server.problems import Problem
from rag_reasoner.server.web.held import Held
from rag_reasoner.server.web.intake import named, take_in
from rag_reasoner.server.web.names import one_of_a_kind, shown_name, suffix_of
from rag_reasoner.server.web.room import Room

T = TypeVar("T")

GONE = "this file is no longer held: drop it again"


class Shelf:
    """Files by workspace: nobody sees those of another. Used from the server's event loop only.

    Files are read and drawn by threads and worker processes of its own, so that a hostile file keeps nobody waiting
    who asks for something else.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held: OrderedDict[tuple[str, str], Held] = OrderedDict()
        self._pool = Pool(size=room.readers)
        self._threads: ThreadPoolExecutor | None = None
        self._folder: Path | None = None

    async def put(self, workspace: str, given_name: str, content: bytes) -> Held:
        """Read and keep a file. Raises Problem where it cannot be read or does not fit."""
        name = shown_name(given_name)
        suffix = suffix_of(name)
        self._has_room(workspace, name)
        id = secrets.token_urlsafe(16)
        path, gone = self._home() / f"{id}{suffix}", threading.Event()
        try:
            held = await self.apart(partial(_stored, path, id, content, self._room, self._pool, gone))
            if not held.documents:
                raise Problem(422, "unreadable", f"{name}: {'; '.join(held.unread) or 'there is nothing to read'}")
            self._fits(workspace, name, held)
        except BaseException:
            gone.set()
            _remove(path)
            raise
        taken = {one.name for one in self.files(workspace)}
        kept = self._held[workspace, id] = named(held, one_of_a_kind(name, taken))
        self._make_room()
        return kept

    def files(self, workspace: str) -> list[Held]:
        """The files of a workspace, by name."""
        mine = [held for (owner, _), held in self._held.items() if owner == workspace]
        return sorted(mine, key=lambda held: held.name.lower())

    def get(self, workspace: str, id: str) -> Held:
        """A file, which counts as used. Raises Problem where the workspace has none of that id."""
        if (workspace, id) not in self._held:
            raise Problem(404, "gone", GONE)
        self._held.move_to_end((workspace, id))
        return self._held[workspace, id]

    def chosen(self, workspace: str, ids: Sequence[str] | None) -> list[Held]:
        """The files of those ids, or all. Raises Problem where one is not there, or there are none."""
        wanted = [held.id for held in self.files(workspace)] if ids is None else list(dict.fromkeys(ids))
        if not wanted:
            raise Problem(422, "no_files", "there is no file to ask: drop one first")
        return [self.get(workspace, id) for id in wanted]

    def remove(self, workspace: str, id: str) -> None:
        """Forget a file. Raises Problem where the workspace has none of that id."""
        self.get(workspace, id)
        _remove(self._held.pop((workspace, id)).path)

    async def apart(self, work: Callable[[], T]) -> T:
        """What `work` gives, done in one of our threads."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._room.readers, thread_name_prefix="rag-reasoner-shelf")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @property
    def pool(self) -> Pool:
        """The worker processes that read and draw uploaded files."""
        return self._pool

    async def aclose(self) -> None:
        """Forget every file and end what reads them."""
        self._pool.close()
        if self._threads is not None:
            await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
            self._threads = None
        self._pool.close()  # once more: what was being read may have started another worker
        for held in self._held.values():
            _remove(held.path)
        self._held.clear()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
            self._folder = None

    def _home(self) -> Path:
        """The folder, made when it is first needed, and removed with the process if nobody closes the shelf."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="rag-reasoner-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def _has_room(self, workspace: str, name: str) -> None:
        most = self._room.files_each
        if len(self.files(workspace)) >= most:
            raise Problem(422, "full", f"{name}: {most} files are here already, and no more fit; remove one first")

    def _fits(self, workspace: str, name: str, held: Held) -> None:
        self._has_room(workspace, name)  # others may have come while this one was read
        if held.weight > self._room.bytes:
            raise Problem(413, "too_large", f"{name}: it takes more than the {self._room.bytes:,} bytes there are")
        text = held.characters + sum(one.characters for one in self.files(workspace))
        if text > self._room.characters:
            most = f"{self._room.characters:,} characters"
            raise Problem(422, "full", f"{name}: with it there would be more than {most} of text; remove a file first")

    def _make_room(self) -> None:
        """The least recently used leave, whoever's they are, until all fit."""
        weight = sum(held.weight for held in self._held.values())
        while len(self._held) > self._room.files or weight > self._room.bytes:
            _, left = self._held.popitem(last=False)
            weight -= left.weight
            _remove(left.path)


def _stored(path: Path, id: str, content: bytes, room: Room, pool: Pool, gone: threading.Event) -> Held:
    path.write_bytes(content)
    held = take_in(path, id, room, pool, gone)
    if gone.is_set():
        _remove(path)
    return held


def _remove(path: Path) -> None:
    revoke(path)
    path.unlink(missing_ok=True)
