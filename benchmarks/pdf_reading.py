"""What reading PDFs through the worker process costs, beside plain pypdfium2 in one process on the same files.

    python benchmarks/pdf_reading.py [FILE ...]

Both read the text of every page. Plain pypdfium2 does no more than that; `read` also looks for hidden text, hashes the
files, and survives them. "cold" counts the start of a Python process, its imports and, for `read`, the worker's start.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pypdfium2 as pdfium

from rag_reasoner.pages import read

EXAMPLES = Path(__file__).parent.parent / "examples" / "pdfs"
ROUNDS = 7

COLD_PLAIN = """
import sys, pypdfium2
for path in sys.argv[1:]:
    document = pypdfium2.PdfDocument(path)
    for page in document:
        page.get_textpage().get_text_range()
"""
COLD_OURS = "import sys; from rag_reasoner.pages import read; read(sys.argv[1:])"


def plain(files: list[Path]) -> int:
    """Characters that plain pypdfium2 finds."""
    characters = 0
    for file in files:
        document = pdfium.PdfDocument(file)
        for page in document:
            textpage = page.get_textpage()
            characters += len(textpage.get_text_range().replace("\r\n", "\n"))
            textpage.close()
            page.close()
        document.close()
    return characters


def ours(files: list[Path]) -> int:
    """Characters that `read` finds."""
    return sum(len(document.text) for document in read(files, ocr=False).documents)


def cold(code: str) -> Callable[[list[Path]], int]:
    """The same in a process of its own."""
    return lambda files: subprocess.run([sys.executable, "-c", code, *map(str, files)], check=True).returncode


def seconds(work: Callable[[list[Path]], int], files: list[Path]) -> float:
    """How long `work` takes."""
    start = time.perf_counter()
    work(files)
    return time.perf_counter() - start


def compare(name: str, one: Callable[[list[Path]], int], other: Callable[[list[Path]], int], files: list[Path]) -> None:
    """Print the medians, taken in turns so that a busy machine is unfair to neither."""
    rounds = [(seconds(one, files), seconds(other, files)) for _ in range(ROUNDS)]
    base, mine = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"{name:<6} {base:12.3f} s {mine:12.3f} s {mine / base:8.2f}")


def main() -> None:
    """Measure and print."""
    files = [Path(name) for name in sys.argv[1:]] or sorted(EXAMPLES.glob("*.pdf"))
    if plain(files) != ours(files):  # also warms both up
        print("the texts differ in length")
    print(f"{len(files)} files, {len(read(files, ocr=False).documents)} pages, median of {ROUNDS} rounds")
    print(f"{'':<6} {'pypdfium2':>14} {'read':>14} {'ratio':>8}")
    compare("warm", plain, ours, files)
    compare("cold", cold(COLD_PLAIN), cold(COLD_OURS), files)


if __name__ == "__main__":
    main()
