"""The process that reads hostile files: it starts fast, says nothing, and never outlives or outgrows its welcome."""

import io
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from hostile_pdfs import long_path, nested_flate
from hypothesis import given
from hypothesis import strategies as st
from small_pdf import Page, pdf, text

from rag_reasoner.pages import load, read
from rag_reasoner.pages.client import Lost, Worker
from rag_reasoner.pages.frames import LENGTHS, Frame, receive, send
from rag_reasoner.pages.limits import Limits
from rag_reasoner.pages.pool import Pool, shared
from rag_reasoner.pages.refused import Refused

POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX only")


@pytest.fixture
def page(tmp_path):
    (tmp_path / "p.pdf").write_bytes(pdf(Page(text("words"))))
    return tmp_path / "p.pdf"


def gone(pid, seconds=20.0):
    """Whether a process has ended, or does so soon."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


CALLER = """
import sys, time
from rag_reasoner.pages import load, read
from rag_reasoner.pages.pool import shared
reading = read(sys.argv[1])
(worker,) = shared()._idle
print(worker._process.pid, flush=True)
{then}
"""


def caller(page, then):
    """A process that reads, tells its worker's id and goes on as `then` says."""
    command = [sys.executable, "-c", CALLER.format(then=then), str(page)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_worker_ends_with_its_caller(page):
    with caller(page, "") as process:
        pid = int(process.stdout.readline())
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
    assert gone(pid)


@POSIX
def test_the_worker_ends_when_its_caller_is_killed(page):
    with caller(page, "time.sleep(60)") as process:
        pid = int(process.stdout.readline())
        assert psutil.pid_exists(pid)
        process.kill()
    assert gone(pid)


@POSIX
def test_a_worker_in_the_middle_of_a_page_ends_when_its_caller_is_killed(page):
    page.write_bytes(long_path(200_000))
    with caller(page, "load(reading.documents[0].image)") as process:
        pid = int(process.stdout.readline())
        time.sleep(0.5)
        assert psutil.pid_exists(pid)
        process.kill()
    assert gone(pid, 2.0)


@POSIX
def test_an_interrupt_from_the_keyboard_does_not_end_the_worker(page):
    with Pool(size=1) as pool:
        read(page, pool=pool)
        (worker,) = pool._idle
        os.kill(worker._process.pid, signal.SIGINT)
        assert read(page, pool=pool).documents
        assert pool._idle == [worker]


FORKING = """
import os, sys, warnings
warnings.simplefilter("error")
from rag_reasoner.pages import read
from rag_reasoner.pages.pool import shared
before = read(sys.argv[1])
(parents,) = shared()._idle
busy = shared()._lock
busy.acquire()
if (child := os.fork()) == 0:
    same = read(sys.argv[1]) == before
    (mine,) = shared()._idle
    shared().close()
    os._exit(0 if same and mine is not parents else 1)
busy.release()
assert os.waitpid(child, 0)[1] == 0
assert read(sys.argv[1]) == before
assert shared()._idle == [parents]
"""


@POSIX
def test_a_forked_child_starts_a_worker_of_its_own(page):
    done = subprocess.run([sys.executable, "-c", FORKING, str(page)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_worker_is_kept_for_the_next_file(page):
    with Pool(size=1) as pool:
        read(page, pool=pool)
        (first,) = pool._idle
        read([page, page], pool=pool)
        assert pool._idle == [first]


def test_a_reply_that_is_not_read_to_its_end_costs_the_worker_and_no_more(page):
    with Pool(size=1) as pool:
        with pool.borrow() as worker:
            request = {"do": "read", "path": str(page), "password": None, "first": 1, "last": 9}
            next(worker.request(request, seconds=20))
        assert pool._idle == []
        assert read(page, pool=pool).documents


def test_a_closed_pool_starts_again(page):
    pool = Pool()
    for _ in range(2):
        assert read(page, pool=pool).documents
        pool.close()


def test_a_worker_that_ended_is_not_asked_again():
    worker = Worker(Limits())
    worker.close()
    with pytest.raises(Lost):
        next(worker.request({"do": "read"}, seconds=1))


def test_what_the_worker_does_not_know_costs_the_worker(page):
    with Pool(size=1) as pool, pool.borrow() as worker, pytest.raises(Lost):
        list(worker.request({"do": "format the disk"}, seconds=20))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits on memory differ")
def test_memory_beyond_the_limit_is_refused(tmp_path):
    (tmp_path / "b.pdf").write_bytes(nested_flate(1 << 28))
    with Pool(Limits(memory=200 << 20)) as pool:
        (unread,) = read(tmp_path, pool=pool).unread
    assert "memory" in unread.reason


def test_the_worker_finds_nothing_in_the_folder_it_is_started_in(tmp_path, monkeypatch, page):
    for name in ("json", "pypdfium2", "struct"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *sys.path])
    with Pool() as pool:
        assert read(page, pool=pool).documents


def test_nothing_of_a_document_reaches_the_screen(page, capfd):
    page.write_bytes(pdf(Page(text("canary-7781"))))
    load(read(page).documents[0].image)
    assert capfd.readouterr() == ("", "")


def test_refusals_are_ours():
    with shared().borrow() as worker, pytest.raises(Refused, match="No such file"):
        list(worker.request({"do": "read", "path": "/no/such", "password": None, "first": 1, "last": 1}, seconds=20))


HEADERS = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))


@given(HEADERS, st.binary())
def test_a_frame_arrives_as_it_was_sent(header, blob):
    stream = io.BytesIO()
    send(stream, Frame(header, blob))
    send(stream, Frame({}))
    stream.seek(0)
    assert receive(stream) == Frame(header, blob)
    assert receive(stream) == Frame({})
    assert receive(stream) is None


@given(st.binary())
def test_noise_is_a_value_error_or_a_frame(data):
    try:
        frame = receive(io.BytesIO(data))
    except ValueError:
        return
    assert frame is None or isinstance(frame.header, dict)


@pytest.mark.parametrize("body", [b"[1]", b"[" * 100_000, b"nonsense", b"\xff", b""], ids=repr)
def test_a_frame_that_makes_no_sense_is_a_value_error(body):
    with pytest.raises(ValueError, match=r"frame|Expecting|decode"):
        receive(io.BytesIO(LENGTHS.pack(len(body), 0) + body))
