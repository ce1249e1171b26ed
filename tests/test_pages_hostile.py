"""A hostile file costs itself at most: the caller lives, the reason is told, the others are read."""

import io
import random
import struct
import threading
import time
import zlib

import pytest
from hostile_pdfs import HOSTILE, mutants, self_drawing_form
from PIL import Image as pillow
from small_pdf import Page, pdf, text

from rag_reasoner.errors import RagReasonerError, Unreadable
from rag_reasoner.pages import load, read
from rag_reasoner.pages.limits import Limits
from rag_reasoner.pages.pool import Pool
from rag_reasoner.types import Image

pytestmark = pytest.mark.hostile
SHORT = Limits(seconds=4, memory=512 << 20)


@pytest.fixture(scope="module")
def pool():
    with Pool(SHORT, size=1) as workers:
        yield workers


def outcome(reading, source):
    """What became of a file: all of its pages are documents or told as unread."""
    read_pages = [one for one in reading.documents if one.source == str(source)]
    unread = [one for one in reading.unread if one.source == str(source)]
    assert read_pages or unread
    assert all(one.reason and len(one.reason) < 300 for one in unread)
    return read_pages, unread


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pdf_costs_itself_at_most(tmp_path, pool, name):
    (tmp_path / "a.pdf").write_bytes(HOSTILE[name]())
    (tmp_path / "b.pdf").write_bytes(pdf(Page(text("still here"))))
    reading = read(tmp_path, pool=pool, max_pages=20, ocr=False)
    pages, _ = outcome(reading, tmp_path / "a.pdf")
    for page in pages[:1]:
        draw_or_refuse(page.image, pool)
    assert reading.documents[-1].text == "still here"


def draw_or_refuse(image, pool):
    if image is None:
        return
    try:
        drawn = load(image, pool=pool, max_pixels=200_000)
    except Unreadable as error:
        told = str(error)
    else:
        told, size = "", drawn.width * drawn.height
        assert size <= 200_000
    assert "0x" not in told


def test_mutants_of_a_pdf_cost_themselves_at_most(tmp_path, pool):
    for number, data in enumerate(mutants(300)):
        (tmp_path / f"{number:03d}.pdf").write_bytes(data)
    reading = read(tmp_path, pool=pool, max_pages=20, ocr=False)
    for file in tmp_path.iterdir():
        pages, _ = outcome(reading, file)
        if pages and int(file.stem) % 3 == 0:
            draw_or_refuse(pages[0].image, pool)
    assert reading.files == 300


def test_one_bad_page_costs_one_page(tmp_path, pool):
    bad = self_drawing_form()
    form = bad[bad.index(b"4 0 obj\n") + 8 : bad.index(b"\nendobj", bad.index(b"4 0 obj"))]
    good = [Page(text(f"page {number}")) for number in (1, 3, 4)]
    (tmp_path / "m.pdf").write_bytes(pdf(Page(b"/X Do", xobjects={"X": form}), *good))
    reading = read(tmp_path, pool=pool)
    assert [document.page for document in reading.documents] == [2, 3, 4]
    assert [one.page for one in reading.unread] == [1]


def test_a_worker_that_dies_is_replaced(tmp_path, pool):
    (tmp_path / "g.pdf").write_bytes(pdf(Page(text("good"))))
    read(tmp_path, pool=pool)
    for worker in pool._idle:
        worker._process.kill()
        worker._process.wait()
    assert read(tmp_path, pool=pool).documents[0].text == "good"


def test_a_stalled_worker_is_ended_in_time(pool, tmp_path):
    (tmp_path / "bomb.pdf").write_bytes(HOSTILE["a path of 10 million points"]())
    with Pool(Limits(seconds=0.2)) as impatient:
        start = time.monotonic()
        outcome(read(tmp_path, pool=impatient), tmp_path / "bomb.pdf")
        assert time.monotonic() - start < 60  # minutes, without the watch


def test_sixteen_threads_read_and_draw_at_once(tmp_path):
    (tmp_path / "t.pdf").write_bytes(pdf(*[Page(text(f"page {n}")) for n in range(4)]))
    documents = read(tmp_path).documents
    drawn, lock = [], threading.Lock()

    def work():
        for document in documents:
            pixels = load(document.image, size=(100, 100)).tobytes()
            with lock:
                drawn.append((document.page, pixels))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == 64
    assert len(set(drawn)) == 4


def png(width, height, data=b"", depth=8, kind=2):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def saved(form, size=(60, 40), **options):
    out = io.BytesIO()
    pillow.effect_noise(size, 50).convert("RGB").save(out, form, **options)
    return out.getvalue()


IMAGES = {
    "a PNG of 177 megapixels": png(13_300, 13_300, b"\0" * 1000),
    "a PNG of 2^31 x 2^31": png(2**31 - 1, 2**31 - 1),
    "a PNG of 0 x 0": png(0, 0),
    "a PNG 39,000 x 9": png(39_000, 9, b"\0" * 99),
    "a PNG without its pixels": png(60, 40),
    "a PNG of no known depth": png(60, 40, b"\0" * 9999, depth=77),
    "a PNG cut off": saved("PNG")[:-400],
    "a JPEG cut off": saved("JPEG")[:-400],
    "a WEBP cut off": saved("WEBP")[:-400],
    "a TIFF cut off": saved("TIFF")[:-4000],
    "a TIFF whose pages are a loop": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "a JPEG of noise": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03" + b"\x5a" * 999,
    "an EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
    "a good GIF": saved("GIF"),
    "a good BMP": saved("BMP"),
    "a good PPM": saved("PPM"),
    "a good ICO": saved("ICO", (32, 32)),
    "an SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "noise": bytes(range(256)) * 9,
    "a PNG header and no more": b"\x89PNG\r\n\x1a\n",
    "a PNG of text": png(60, 40)[:33] + b"\0\0\0\x40zTXta\0\0" + zlib.compress(b"x" * (80 << 20)),
}


@pytest.mark.parametrize("name", IMAGES)
def test_a_hostile_image_is_refused_in_our_own_words(tmp_path, pool, name):
    with pytest.raises(Unreadable) as caught:
        load(Image(data=IMAGES[name]), pool=pool)
    assert "0x" not in str(caught.value)
    assert "BytesIO" not in str(caught.value)
    (tmp_path / "a.png").write_bytes(IMAGES[name])
    (tmp_path / "b.png").write_bytes(saved("PNG"))
    reading = read(tmp_path, pool=pool, ocr=False)
    outcome(reading, tmp_path / "a.png")
    assert reading.documents[-1].id == "b.png"


def test_a_huge_image_is_told_when_it_is_read(tmp_path, pool):
    (tmp_path / "huge.png").write_bytes(IMAGES["a PNG of 177 megapixels"])
    (unread,) = read(tmp_path, pool=pool).unread
    assert "13300 x 13300 pixels is too large" in unread.reason


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_mutants_of_an_image_are_drawn_or_refused(pool, form):
    chance, good = random.Random(form), saved(form)
    for _ in range(40):
        data = bytearray(good)
        for _ in range(chance.choice((1, 4, 32))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        draw_or_refuse(Image(data=bytes(data)), pool)


def test_pixels_beyond_an_images_size_are_not_kept(pool):
    assert load(Image(data=png(60, 40, b"\0" * (64 << 20))), pool=pool).size == (60, 40)


def test_there_are_sixty_bombs_or_more():
    assert len(HOSTILE) + len(IMAGES) >= 60


def test_a_worker_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr("sys.path", [])
    monkeypatch.setattr("rag_reasoner.pages.client.MODULE", "rag_reasoner.pages.no_such_module")
    with Pool() as broken, pytest.raises(RagReasonerError, match="does not start"):
        load(Image(data=b"x"), pool=broken)
