"""Images on demand: at the size asked for, upright, from allowed places only."""

import io
import os
from pathlib import Path

import pytest
from encrypted_pdf import encrypted
from PIL import Image as pillow
from small_pdf import Page, pdf, text

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import load, read
from rag_reasoner.pages.limits import MAX_IMAGE_BYTES
from rag_reasoner.types import Image


def encoded(image, form="PNG", **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def near(pixel, colour, by=6):
    return all(abs(a - b) <= by for a, b in zip(pixel, colour, strict=True))


def test_a_page_is_drawn_at_the_size_asked_for(tmp_path):
    (tmp_path / "p.pdf").write_bytes(pdf(Page(b"1 0 0 rg 0 0 306 792 re f")))
    image = read(tmp_path).documents[0].image
    drawn = load(image, size=(300, 300))
    assert drawn.mode == "RGB"
    assert drawn.size in [(231, 299), (231, 300), (232, 300)]
    assert near(drawn.getpixel((50, 150)), (255, 0, 0))
    assert near(drawn.getpixel((200, 150)), (255, 255, 255))


@pytest.mark.parametrize("box", ["0 0 14400 14400", "0 0 9 9", "0 0 2000 20"])
def test_no_page_is_drawn_larger_than_allowed(tmp_path, box):
    (tmp_path / "p.pdf").write_bytes(pdf(Page(text("x"), box)))
    drawn = load(read(tmp_path).documents[0].image, max_pixels=100_000)
    assert drawn.width * drawn.height <= 100_000


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_bytes_of_each_format_are_decoded(form):
    drawn = load(Image(data=encoded(pillow.new("RGB", (40, 30), (200, 10, 10)), form)))
    assert drawn.size == (40, 30)
    assert near(drawn.getpixel((20, 15)), (200, 10, 10))


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("LA", (0, 0), (255, 255, 255)),
        ("L", 128, (128, 128, 128)),
        ("I;16", 128 * 256, (128, 128, 128)),
        ("1", 1, (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
    ],
)
def test_every_mode_becomes_rgb_on_white(mode, colour, seen):
    drawn = load(Image(data=encoded(pillow.new(mode, (9, 9), colour))))
    assert near(drawn.getpixel((4, 4)), seen)


def test_a_photograph_is_turned_upright_and_made_smaller():
    exif = pillow.Exif()
    exif[0x0112] = 6
    photograph = pillow.new("RGB", (4000, 1000), "white")
    photograph.paste((0, 0, 255), (0, 0, 2000, 1000))
    drawn = load(Image(data=encoded(photograph, "JPEG", exif=exif)), size=(200, 400))
    assert drawn.size == (100, 400)
    assert near(drawn.getpixel((50, 50)), (0, 0, 255))


def test_an_image_is_not_made_larger():
    assert load(Image(data=encoded(pillow.new("RGB", (40, 30)))), size=(800, 800)).size == (40, 30)


def test_a_page_of_a_tiff_is_its_own(tmp_path):
    frames = [pillow.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "fax.tif", save_all=True, append_images=frames[1:])
    second = read(tmp_path, ocr=False).documents[1]
    assert near(load(second.image).getpixel((5, 5)), (0, 255, 0))


def test_an_encrypted_pdf_is_read_and_drawn_with_its_password_only(tmp_path):
    (tmp_path / "e.pdf").write_bytes(encrypted("secret words", "open"))
    assert "it is encrypted: give its password" in read(tmp_path).unread[0].reason
    assert "password does not open it" in read(tmp_path, password="shut").unread[0].reason
    (page,) = read(tmp_path, password="open").documents
    assert page.text == "secret words"
    assert load(page.image, size=(50, 50)).size[1] in (49, 50)
    assert "open" not in repr(page)


@pytest.mark.parametrize(
    "image",
    [
        Image(),
        Image(sha256="0" * 64),
        Image(data=b""),
        Image(data=b"\0" * (MAX_IMAGE_BYTES + 1)),
        Image(url="http://x"),
    ],
    ids=["nothing", "a hash alone", "no bytes", "too many bytes", "a URL"],
)
def test_what_cannot_be_loaded_is_unreadable(image):
    with pytest.raises(Unreadable):
        load(image)


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """A folder that is allowed, and a secret beside it."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    for place in (inside, outside, inside / "sub", tmp_path / "in-not"):
        place.mkdir()
        pillow.new("RGB", (9, 9), "red").save(place / "i.png")
    (inside / "link.png").symlink_to(outside / "i.png")
    (inside / "away").symlink_to(outside)
    (inside / "up").symlink_to("..")
    (inside / "loop.png").symlink_to(inside / "loop.png")
    (inside / "chain.png").symlink_to(inside / "link.png")
    (inside / "proc.png").symlink_to("/proc/self/environ")
    (inside / "null.png").symlink_to("/dev/null")
    (inside / "folder.png").mkdir()
    (inside / "empty.png").write_bytes(b"")
    if hasattr(os, "mkfifo"):
        os.mkfifo(inside / "pipe.png")
    monkeypatch.chdir(inside)
    return tmp_path


TRAVERSALS = [
    *("../out/i.png", "./../out/i.png", "sub/../../out/i.png", "sub/./../../out/i.png", "..//out//i.png"),
    *("{root}/out/i.png", "{root}/in/../out/i.png", "{root}/in-not/i.png", "{root}//out/i.png", "{root}/./out/i.png"),
    *("link.png", "./link.png", "{root}/in/link.png", "chain.png", "away/i.png", "away/../out/i.png", "up/out/i.png"),
    *("up/up/out/i.png", "up/in-not/i.png", "sub/../link.png", "loop.png", "proc.png", "null.png", "folder.png"),
    *("pipe.png", "empty.png", ".", "..", "", "/", "/etc/passwd", "../../../../../../../../etc/passwd"),
    *("/proc/self/environ", "/proc/self/cmdline", "/proc/self/mem", "/proc/self/fd/0", "/dev/zero", "/dev/stdin"),
    *(
        "/dev/random",
        "/dev/tty",
        "i.png\0.txt",
        "\0",
        "../out/i.png\0",
        "file:///etc/passwd",
        "file://{root}/out/i.png",
    ),
    *("~/i.png", "$HOME/i.png", "..\\out\\i.png", "%2e%2e/out/i.png", "..%2fout%2fi.png", "\ud800.png", "x" * 5000),
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out_of_the_allowed_folders(guarded, path):
    with pytest.raises(Unreadable):
        load(Image(path=path.format(root=guarded)))


@pytest.mark.parametrize("path", ["i.png", "sub/i.png", "sub/../i.png", "{root}/in/i.png", "up/in/i.png"])
def test_paths_inside_the_allowed_folders_are_read(guarded, path):
    assert load(Image(path=path.format(root=guarded))).size == (9, 9)


def test_other_folders_can_be_allowed(guarded):
    assert load(Image(path="../out/i.png"), image_roots=[guarded / "out"]).size == (9, 9)
    with pytest.raises(Unreadable, match="outside the folders"):
        load(Image(path="i.png"), image_roots=[guarded / "out"])
    with pytest.raises(Unreadable):
        load(Image(path="/proc/self/environ"), image_roots=["/"])


def test_what_read_was_given_may_be_loaded(guarded):
    other = guarded / "out" / "given.png"
    pillow.new("RGB", (9, 9)).save(other)
    with pytest.raises(Unreadable):
        load(Image(path=str(other)))
    (document,) = read(Path("../out/given.png")).documents
    assert load(document.image).size == (9, 9)
