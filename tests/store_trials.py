"""Killing a process that writes a page store, and damaging the files of one: what R4 of the reliability page counts.

python store_trials.py write FOLDER            writes states 0, 1, 2, ... of a store until it is killed
python store_trials.py read FOLDER SECONDS     searches it meanwhile; prints how many reads, states, and torn ones
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from page_vectors import DIM, random_page, random_query

from rag_reasoner.errors import Unreadable
from rag_reasoner.retrieve.maxsim import maxsim
from rag_reasoner.retrieve.store import commit, search
from rag_reasoner.retrieve.store.local import LocalPageStore

PAGES = 24
READY = "first"
JOURNAL = "journal"
EXTRA = "extra"
QUERY = random_query()


def lower_limits(put=setattr):
    """Let small stores do what large ones do: have a faiss index, and be searched by it."""
    put(commit, "INDEXED_PAGES", 8)
    put(search, "EXACT_PAGES", 8)
    put(search, "FIRST_ROUND", 4)


def pages_of(state):
    """Every page of a state; those of two states differ in everything but their ids."""
    return [random_page(number, seed=state, document=f"state{state}") for number in range(PAGES)]


def write_states(folder):
    """Write state after state, each over the one before; forget every fifth. One more page each lets segments merge."""
    store, state, before = LocalPageStore(folder, model="m", dim=DIM), 0, 0
    while True:
        _journal(folder, before, state)
        store.upsert(pages_of(state))
        _journal(folder, state, state)
        if state == 0:
            (folder.parent / READY).touch()
        store.upsert([random_page(1000 + state % 100, document=EXTRA)])
        before = state
        if state % 5 == 4:
            _journal(folder, state, -1)
            store.delete(f"state{state}")
            before = -1
        state += 1


def _journal(folder, *states):
    """Note the states that a kill may leave from now on: the one that is there, and the one that is being written."""
    with (folder.parent / JOURNAL).open("a") as file:
        file.write(f"{' '.join(map(str, states))}\n")


def _may_hold(folder):
    """The states that the last whole line of the journal names."""
    lines = (folder.parent / JOURNAL).read_text().splitlines(keepends=True)
    return {int(state) for state in next(line for line in reversed(lines) if line.endswith("\n")).split()}


def state_of(hits):
    """The number of the one whole state that `hits` are, -1 where all was deleted, None where they are torn."""
    found = {hit.id: hit for hit in hits if hit.payload["document"] != EXTRA}
    states = {hit.payload["document"] for hit in found.values()}
    if len(states) != 1:
        return None if states else -1
    state = int(states.pop().removeprefix("state"))
    expected = pages_of(state)
    if {page.id for page in expected} != found.keys():
        return None
    scores = maxsim(QUERY, [page.vectors for page in expected])
    same = np.allclose([found[page.id].score for page in expected], scores, atol=1e-2)
    return state if same else None


def held_state(folder):
    """The state that the store in `folder` is in, with every checksum right and an index that can be searched."""
    store = LocalPageStore(folder)
    store.check()
    store.search(QUERY, 1)
    return state_of(store.search(QUERY, 1000))


def read_states(folder, seconds):
    """Search the store in `folder` for so long; the number of reads, of states seen, and of torn ones."""
    store, end, states = LocalPageStore(folder), time.monotonic() + seconds, []
    while time.monotonic() < end:
        store.search(QUERY, 1)
        states.append(state_of(store.search(QUERY, 1000)))
    return len(states), len(set(states) - {None}), states.count(None)


def _process(*arguments, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, __file__, *map(str, arguments)], env=environment, **options)


def start_writer(folder):
    """A process that writes states into `folder`, once it has written the first."""
    ready = folder.parent / READY
    for path in (ready, folder.parent / JOURNAL):
        path.unlink(missing_ok=True)
    writer = _process("write", folder)
    while not ready.exists():
        if writer.poll() is not None:
            raise AssertionError("the writer ended by itself")
        time.sleep(0.01)
    return writer


def read_beside_a_writer(folder, readers, seconds):
    """What so many processes see that read while another writes: reads, states, torn ones, summed."""
    writer = start_writer(folder)
    reading = [_process("read", folder, seconds, stdout=subprocess.PIPE, text=True) for _ in range(readers)]
    try:
        printed = [reader.communicate(timeout=seconds + 120)[0].split() for reader in reading]
    finally:
        kill(writer)
    if any(reader.returncode for reader in reading):
        raise AssertionError("a reader ended with an error")
    return tuple(sum(int(counts[place]) for counts in printed) for place in range(3))


def indexed_store(folder):
    """A store with several segments, dead pages and an index."""
    store = LocalPageStore(folder, model="m", dim=DIM, pool=2)
    for start in range(0, 50, 10):
        store.upsert(random_page(number) for number in range(start, start + 10))
    store.delete("doc3")
    return store


def kill(writer):
    writer.send_signal(signal.SIGKILL)
    writer.wait()


def killed_states(folder, kills, seed=0):
    """Kill a writer at random moments, so often; whether each time the old state or the new one was left, whole."""
    generator = random.Random(seed)
    for _ in range(kills):
        writer = start_writer(folder)
        time.sleep(generator.random() * 0.12)
        kill(writer)
        yield held_state(folder) in _may_hold(folder)


def damages(folder, count, seed=0):
    """Damage one file at a time, one of six ways, then put it back: the kind of damage, and whether it was noticed."""
    generator = random.Random(seed)
    files = sorted(path for path in Path(folder).iterdir() if path.suffix != ".lock")
    for _ in range(count):
        path = generator.choice(files)
        whole = path.read_bytes()
        kind, damaged = _damaged(whole, generator)
        if damaged == whole:
            continue
        if damaged is None:
            path.unlink()
        else:
            path.write_bytes(damaged)
        yield f"{path.suffix} {kind}", _is_noticed(folder)
        path.write_bytes(whole)


def _damaged(whole, generator):
    place = generator.randrange(len(whole))
    length = generator.randint(1, 64)
    kind = generator.choice(["bit", "bytes", "cut", "longer", "empty", "missing"])
    changed = {
        "bit": whole[:place] + bytes([whole[place] ^ 1 << generator.randrange(8)]) + whole[place + 1 :],
        "bytes": whole[:place] + generator.randbytes(length) + whole[place + length :],
        "cut": whole[:place],
        "longer": whole + generator.randbytes(length),
        "empty": b"",
        "missing": None,
    }
    return kind, changed[kind]


def _is_noticed(folder):
    try:
        LocalPageStore(folder).search(QUERY, 2)
    except Unreadable:
        return True
    return False


if __name__ == "__main__":
    lower_limits()
    task, place, *more = sys.argv[1:]
    if task == "write":
        write_states(Path(place))
    sys.stdout.write(" ".join(map(str, read_states(Path(place), float(more[0])))))
