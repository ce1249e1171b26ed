"""Small PDFs written by hand, good and hostile: a test says what stands on each page, byte by byte."""

from dataclasses import dataclass, field

FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


@dataclass
class Page:
    """A page: what is painted, its size, and whatever else its dictionary holds."""

    content: bytes = b""
    media_box: str = "0 0 612 792"
    extra: str = ""
    xobjects: dict[str, bytes] = field(default_factory=dict)
    filters: str = ""


def text(words: str, x: float = 72, y: float = 700, size: float = 12, before: str = "") -> bytes:
    """Operators that paint `words`."""
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT {before} /F1 {size} Tf {x} {y} Td ({escaped}) Tj ET\n".encode("latin-1")


def stream(data: bytes, entries: str = "") -> bytes:
    """A stream object."""
    return f"<< /Length {len(data)} {entries} >>\nstream\n".encode() + data + b"\nendstream"


def pdf(*pages: Page, trailer: str = "") -> bytes:
    """A whole file of `pages`, object by object, with a correct cross-reference table."""
    objects: list[bytes] = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", FONT]
    numbers = []
    for page in pages:
        forms = {}
        for name, form in page.xobjects.items():
            objects.append(form)
            forms[name] = len(objects)
        objects.append(stream(page.content, page.filters))
        listed = " ".join(f"/{name} {number} 0 R" for name, number in forms.items())
        resources = f"<< /Font << /F1 3 0 R >> /XObject << {listed} >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [{page.media_box}] /Contents {len(objects)} 0 R "
            f"/Resources {resources} {page.extra} >>".encode()
        )
        numbers.append(len(objects))
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects[1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(numbers)} >>".encode()
    return assemble(objects, trailer)


def assemble(objects: list[bytes], trailer: str = "") -> bytes:
    """A file of `objects`, numbered from 1, the first its catalogue."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)
