"""PDFs and mutants of one that try to kill, hang or fill the process that reads them."""

import random
import zlib
from collections.abc import Callable, Iterator

from small_pdf import FONT, Page, assemble, pdf, stream, text

FORM = "/Type /XObject /Subtype /Form /BBox [0 0 612 792]"


def flate(data: bytes, times: int = 1) -> tuple[bytes, str]:
    """`data` compressed `times` over, and the entries that undo it."""
    for _ in range(times):
        data = zlib.compress(data, 9)
    return data, f"/Filter [{' /FlateDecode' * times} ]"


def nested_flate(size: int) -> bytes:
    """`size` zeros, compressed three times over, piece by piece so that the maker stays small."""
    packer = zlib.compressobj(9)
    block = b" " * (1 << 20)
    once = b"".join(packer.compress(block) for _ in range(size >> 20)) + packer.flush()
    data, _ = flate(once, 2)
    return pdf(Page(data, filters="/Filter [/FlateDecode /FlateDecode /FlateDecode]"))


def self_drawing_form() -> bytes:
    """A form that draws itself twice: 2^depth drawings."""
    form = stream(b"/X Do /X Do", f"{FORM} /Resources << /XObject << /X 4 0 R >> >>")
    return pdf(Page(b"/X Do", xobjects={"X": form}))


def mutual_forms() -> bytes:
    """Two forms that draw each other twice."""
    one = stream(b"/B Do /B Do", f"{FORM} /Resources << /XObject << /B 5 0 R >> >>")
    two = stream(b"/A Do /A Do", f"{FORM} /Resources << /XObject << /A 4 0 R >> >>")
    return pdf(Page(b"/A Do", xobjects={"A": one, "B": two}))


def doubling_forms(depth: int) -> bytes:
    """Forms that each draw the next one twice, the last a text."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"]
    objects.append(
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /XObject << /X 6 0 R >> >> >>"
    )
    objects += [stream(b"/X Do"), FONT]
    for number in range(6, 6 + depth):
        entries = f"{FORM} /Resources << /Font << /F1 5 0 R >> /XObject << /X {number + 1} 0 R >> >>"
        objects.append(stream(b"/X Do " * 2, entries))
    objects.append(stream(text("bottom"), f"{FORM} /Resources << /Font << /F1 5 0 R >> >>"))
    return assemble(objects)


def many_characters(count: int) -> bytes:
    """One page with `count` characters in a few kilobytes."""
    data, entries = flate(b"BT /F1 1 Tf 9 9 Td " + b"(%s) Tj " % (b"x" * 1000) * (count // 1000) + b"ET", 2)
    return pdf(Page(data, filters=entries))


def long_path(points: int) -> bytes:
    """One path of `points` points, filled and stroked with dashes."""
    data, entries = flate(b"[1 1] 0 d 0 0 m " + b"600 700 l 3 9 l " * (points // 2) + b"B", 2)
    return pdf(Page(data, filters=entries))


def nested_brackets(kind: bytes, depth: int) -> bytes:
    """Arrays or dictionaries nested without end in a page's own dictionary."""
    closing = {b"[": b"]", b"<</A ": b">>"}[kind]
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"]
    objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /X " + kind * depth + closing * depth + b" >>")
    return assemble(objects)


def page_loop() -> bytes:
    """A tree of pages whose branches lead back to its root."""
    return assemble([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 1000000 >>"])


def deep_page_tree(depth: int) -> bytes:
    """A tree of pages that is a chain of `depth`."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    for number in range(2, 2 + depth):
        objects.append(f"<< /Type /Pages /Kids [{number + 1} 0 R] /Count 1 /Parent {number - 1} 0 R >>".encode())
    objects.append(f"<< /Type /Page /Parent {1 + depth} 0 R /MediaBox [0 0 9 9] >>".encode())
    return assemble(objects)


def same_page(count: int) -> bytes:
    """A file that claims `count` pages, all the same object."""
    kids = b"3 0 R " * count
    pages = b"<< /Type /Pages /Kids [" + kids + f"] /Count {count} >>".encode()
    return assemble(
        [b"<< /Type /Catalog /Pages 2 0 R >>", pages, b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"]
    )


def looping_xref() -> bytes:
    """A cross-reference table that names itself as its predecessor."""
    good = pdf(Page(text("words")))
    start = good.rindex(b"xref\n0")
    return good.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % start)


def looping_length() -> bytes:
    """A stream whose length is the stream."""
    return pdf(Page(text("words"))).replace(b"/Length ", b"/Length 4 0 R /L ")


def wrong_claims(old: bytes, new: bytes) -> bytes:
    """A good file with one thing replaced."""
    return pdf(Page(text("words"))).replace(old, new)


def image_page(entries: str, data: bytes) -> bytes:
    """A page that shows one image."""
    picture = stream(data, f"/Type /XObject /Subtype /Image {entries}")
    return pdf(Page(b"600 0 0 700 0 0 cm /I Do", xobjects={"I": picture}))


def pattern_bomb() -> bytes:
    """A page filled with a pattern of tiny steps that paints itself."""
    entries = "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep 0.001 /YStep 0.001"
    tile = stream(b"/Pattern cs /P scn 0 0 1 1 re f", f"{entries} /Resources << /Pattern << /P 4 0 R >> >>")
    page = Page(b"/Pattern cs /P scn 0 0 612 792 re f", xobjects={"P": tile}, extra="")
    return pdf(page).replace(b"/XObject <<", b"/Pattern << /P 4 0 R >> /XObject <<")


def calculator_bomb() -> bytes:
    """A shading whose function is a long PostScript program."""
    program = stream(b"{ " + b"dup mul 2 exp " * 200_000 + b"}", "/FunctionType 4 /Domain [0 1] /Range [0 1]")
    page = Page(b"/S sh", xobjects={"F": program})
    shading = b"/Shading << /S << /ShadingType 2 /ColorSpace /DeviceGray /Coords [0 0 9 9] /Function 4 0 R >> >> "
    return pdf(page).replace(b"/XObject <<", shading + b"/XObject <<")


BIG = "/Width 30000 /Height 30000 /BitsPerComponent 8 /ColorSpace /DeviceRGB"
ZEROS = flate(flate(b"\0" * (8 << 20))[0])[0]

HOSTILE: dict[str, Callable[[], bytes]] = {
    "a form that draws itself": self_drawing_form,
    "forms that draw each other": mutual_forms,
    "doubling forms, 16 deep": lambda: doubling_forms(16),
    "doubling forms, 40 deep": lambda: doubling_forms(40),
    "doubling forms, 2,000 deep": lambda: doubling_forms(2000),
    "1 GiB of blanks in three layers": lambda: nested_flate(1 << 30),
    "64 MiB of blanks in three layers": lambda: nested_flate(1 << 26),
    "12 million characters": lambda: many_characters(12_000_000),
    "1.5 million characters": lambda: many_characters(1_500_000),
    "a path of 10 million points": lambda: long_path(10_000_000),
    "a path of 100,000 points": lambda: long_path(100_000),
    "100,000 nested arrays": lambda: nested_brackets(b"[", 100_000),
    "3 million nested arrays": lambda: nested_brackets(b"[", 3_000_000),
    "100,000 nested dictionaries": lambda: nested_brackets(b"<</A ", 100_000),
    "a tree of pages that is a loop": page_loop,
    "a tree of pages 5,000 deep": lambda: deep_page_tree(5000),
    "a tree of pages 200 deep": lambda: deep_page_tree(200),
    "100,000 pages": lambda: same_page(100_000),
    "a cross-reference loop": looping_xref,
    "a length that is its own stream": looping_length,
    "a length below zero": lambda: wrong_claims(b"/Length ", b"/Length -"),
    "a length of 2^31": lambda: wrong_claims(b"/Length ", b"/Length 2147483648 /L "),
    "2^31 pages claimed": lambda: wrong_claims(b"/Count 1", b"/Count 2147483647"),
    "pages below zero": lambda: wrong_claims(b"/Count 1", b"/Count -5"),
    "a page of 0 x 0": lambda: pdf(Page(text("words"), "0 0 0 0")),
    "a page of 14,400 points": lambda: pdf(Page(text("words"), "0 0 14400 14400")),
    "a page of 2^31 points": lambda: pdf(Page(text("words"), "0 0 595 2147483648")),
    "a page of 10^38 points": lambda: pdf(Page(text("words"), f"0 0 1{'0' * 38} 1{'0' * 38}")),
    "a page turned inside out": lambda: pdf(Page(text("words"), "612 792 0 0")),
    "a page one point high": lambda: pdf(Page(text("words"), "0 0 14400 1")),
    "a page of no numbers": lambda: pdf(Page(text("words"), "/a /b /c /d")),
    "a user unit of 10^9": lambda: pdf(Page(text("words"), extra="/UserUnit 1000000000")),
    "a turn by 45 degrees": lambda: pdf(Page(text("words"), extra="/Rotate 45")),
    "a font of 10^9 points": lambda: pdf(Page(text("words", size=10**9))),
    "an image of 900 megapixels": lambda: image_page(BIG + " /Filter [/FlateDecode /FlateDecode]", ZEROS),
    "an image of no size": lambda: image_page("/Width -1 /Height 0 /BitsPerComponent 8 /ColorSpace /DeviceRGB", b"x"),
    "a JPEG that is none": lambda: image_page("/Width 9 /Height 9 /Filter /DCTDecode", b"\xff\xd8\xff\xe0" * 99),
    "a JPEG 2000 that is none": lambda: image_page("/Width 9 /Height 9 /Filter /JPXDecode", b"\0\0\0\x0cjP  " * 99),
    "a JBIG2 that is none": lambda: image_page("/Width 9 /Height 9 /Filter /JBIG2Decode", b"\0\0\0\x01" * 99),
    "a fax that is none": lambda: image_page(
        "/Width 60000 /Height 60000 /BitsPerComponent 1 /ColorSpace /DeviceGray /Filter /CCITTFaxDecode "
        "/DecodeParms << /K -1 /Columns 60000 /Rows 60000 >>",
        b"\xaa" * 9999,
    ),
    "a pattern that paints itself": pattern_bomb,
    "a shading of 400,000 steps": calculator_bomb,
    "50 filters": lambda: pdf(Page(*flate(text("words"), 50))),
    "a million operators": lambda: pdf(Page(*flate(b"q Q " * 500_000)[:1], filters="/Filter /FlateDecode")),
    "a million saved states": lambda: pdf(Page(flate(b"q " * 1_000_000)[0], filters="/Filter /FlateDecode")),
    "a script that opens it": lambda: wrong_claims(
        b"/Catalog", b"/Catalog /OpenAction << /S /JavaScript /JS (while(1){}) >>"
    ),
    "an action that starts a program": lambda: wrong_claims(
        b"/Catalog", b"/Catalog /OpenAction << /S /Launch /F (/bin/sh) >>"
    ),
    "encrypted": lambda: pdf(
        Page(text("words")),
        trailer=f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'41' * 32}> /U <{'42' * 32}> >> /ID [<00> <00>]",
    ),
    "an encryption of no known kind": lambda: pdf(
        Page(text("words")), trailer="/Encrypt << /Filter /Secret /V 9 /R 9 >> /ID [<00> <00>]"
    ),
    "a header alone": lambda: b"%PDF-1.7\n",
    "a header and noise": lambda: b"%PDF-1.7\n" + random.Random(7).randbytes(20_000),
    "an end alone": lambda: b"trailer << /Root 1 0 R >> startxref 0 %%EOF",
    "no bytes": lambda: b"",
}
"""What each does, and how it is made: small files all of them, made when asked for."""

SEED_PDF = pdf(
    Page(text("The quick brown fox") + b"1 0 0 rg 0 0 99 99 re f"),
    Page(*flate(text("jumps over"))[:1], filters="/Filter /FlateDecode", extra="/Rotate 90"),
    Page(b"q 1 0 0 1 9 9 cm /X Do Q", xobjects={"X": stream(text("the dog"), f"{FORM} /Resources 8 0 R")}),
)


def mutants(count: int, seed: int = 0) -> Iterator[bytes]:
    """Small damages to a small good file: bytes changed, cut out, doubled, moved, numbers made huge."""
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(SEED_PDF)
        for _ in range(chance.choice((1, 1, 2, 4, 16, 64))):
            chance.choice(DAMAGES)(data, chance)
        yield bytes(data)


def _change(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] = chance.randrange(256)


def _cut(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    del data[start : min(start + chance.randrange(1, 40), len(data) - 1)]


def _double(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    data[start:start] = data[start : start + chance.randrange(1, 60)]


def _number(data: bytearray, chance: random.Random) -> None:
    digits = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
    if digits:
        place = chance.choice(digits)
        data[place : place + 1] = chance.choice((b"0", b"-1", b"9", b"65536", b"2147483647", b"4294967296", b"1e99"))


def _word(data: bytearray, chance: random.Random) -> None:
    words = (b" obj", b"stream", b"endobj", b" R", b"<<", b">>", b"[", b"]", b"(", b"/Kids", b"/Length", b"%", b"Do ")
    place = chance.randrange(len(data))
    data[place:place] = chance.choice(words)


DAMAGES = (_change, _cut, _double, _number, _word)
