"""What hostile files do to the caller: nothing. R3 of the project's promises, at full size.

    python benchmarks/hostile_files.py [--mutants 20000] [--folder FOLDER_OF_PUBLIC_PDFS] [--seconds 10]

Each file is read (every page, up to 20) and its first page drawn. A row of the table is a kind of file; "typed" counts
the files whose every page became a document or a reason; the rest must be 0.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rag_reasoner.errors import Unreadable
from rag_reasoner.pages import load, read
from rag_reasoner.pages.limits import Limits
from rag_reasoner.pages.pool import Pool

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from hostile_pdfs import HOSTILE, mutants
from test_pages_hostile import IMAGES


def bombs(folder: Path) -> Iterator[Path]:
    """The crafted PDFs and images."""
    made = [(f"{name}.pdf", make()) for name, make in HOSTILE.items()]
    for name, data in [*made, *((f"{name}.png", data) for name, data in IMAGES.items())]:
        file = folder / name.replace("/", " of ")
        file.write_bytes(data)
        yield file


def mutated(folder: Path, count: int) -> Iterator[Path]:
    """Damaged copies of a good PDF, one at a time."""
    for data in mutants(count, seed=1):
        file = folder / "mutant.pdf"
        file.write_bytes(data)
        yield file


def outcome(file: Path, pool: Pool) -> str:
    """What became of one file, in a word."""
    reading = read(file, pool=pool, max_pages=20, ocr=False)
    if not reading.documents:
        return "refused" if reading.unread else "LOST"
    image = reading.documents[0].image
    try:
        drawn = load(image, pool=pool) if image else None
    except Unreadable:
        return "read, not drawn"
    return "read and drawn" if drawn else "read, not drawn"


def run(name: str, files: Iterator[Path], pool: Pool) -> None:
    """Print one row."""
    outcomes: Counter[str] = Counter()
    times = []
    for file in files:
        start = time.monotonic()
        outcomes[outcome(file, pool)] += 1
        times.append(time.monotonic() - start)
    if not times:
        return
    times.sort()
    told = ", ".join(f"{count:,} {kind}" for kind, count in sorted(outcomes.items()))
    typed = sum(outcomes.values()) - outcomes["LOST"]
    slowest, middle = times[-1], times[len(times) // 2]
    print(f"{name:<12} {len(times):>7,} {typed:>7,} {middle:9.3f} s {slowest:8.2f} s   {told}")


def main() -> None:
    """Run all kinds, and print the memory of the largest worker."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mutants", type=int, default=20_000)
    options.add_argument("--folder", type=Path, default=os.environ.get("RAG_REASONER_PDF_CORPUS"))
    options.add_argument("--seconds", type=float, default=10.0)
    chosen = options.parse_args()
    print(f"{'kind':<12} {'files':>7} {'typed':>7} {'median':>11} {'slowest':>10}   outcomes")
    with tempfile.TemporaryDirectory() as place, Pool(Limits(seconds=chosen.seconds), size=1) as pool:
        run("bombs", bombs(Path(place)), pool)
        run("mutants", mutated(Path(place), chosen.mutants), pool)
        if chosen.folder:
            run("public", iter(sorted(Path(chosen.folder).rglob("*.pdf"))), pool)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"largest worker {peak:,.0f} MiB, caller {own:,.0f} MiB")


if __name__ == "__main__":
    main()
