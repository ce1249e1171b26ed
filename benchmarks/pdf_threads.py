"""How many processes die while 16 threads of each draw PDF pages at once (R5).

    python benchmarks/pdf_threads.py --processes 200 --threads 16 [--bare]

Every process is new, and all its threads draw the same pages of an example; all must get the same pictures. With
`--bare` they draw by pypdfium2 in the process itself, without our workers, to see what this protects from.
"""

import argparse
import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

FILE = sorted((Path(__file__).parent.parent / "examples" / "pdfs").glob("*.pdf"))[0]
PAGES, SIZE = 4, 400


def ours() -> list[bytes]:
    """The pages, drawn by our workers."""
    from rag_reasoner.pages import load, read

    documents = [one for one in read(FILE).documents if one.image][:PAGES]
    return [load(one.image, size=(SIZE, SIZE)).tobytes() for one in documents]


def bare() -> list[bytes]:
    """The pages, drawn in this process."""
    import pypdfium2

    opened = pypdfium2.PdfDocument(FILE.read_bytes())
    drawn = []
    for number in range(min(PAGES, len(opened))):
        picture = BytesIO()
        opened[number].render(scale=0.5).to_pil().save(picture, "PNG")
        drawn.append(picture.getvalue())
    return drawn


def one(threads: int, *, unprotected: bool) -> str:
    """Draws on that many threads at once; how it ended."""
    draw = bare if unprotected else ours
    together = threading.Barrier(threads)

    def drawing(_: int) -> list[bytes]:
        together.wait()
        return draw()

    with ThreadPoolExecutor(threads) as pool:
        drawn = list(pool.map(drawing, range(threads)))
    return "good" if drawn[0] and all(pages == drawn[0] for pages in drawn) else "pictures differ"


def ended(threads: int, *, unprotected: bool) -> str:
    """The same in a new process, which may die."""
    command = [sys.executable, __file__, "--one", "--threads", str(threads), *(["--bare"] if unprotected else [])]
    try:
        done = subprocess.run(command, capture_output=True, timeout=300)
    except subprocess.TimeoutExpired:
        return "hung"
    if done.returncode < 0:
        return "died"
    return done.stdout.decode().strip() if done.returncode == 0 else "raised"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=200)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--one", action="store_true", help="draw in this process, once")
    asked = parser.parse_args()
    if asked.one:
        print(one(asked.threads, unprotected=asked.bare))
        return
    print(json.dumps(Counter(ended(asked.threads, unprotected=asked.bare) for _ in range(asked.processes))))


if __name__ == "__main__":
    main()
