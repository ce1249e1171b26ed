"""R9: true and altered quotes of real pages. How many of each are accepted?

python benchmarks/altered_quotes.py [altered quotes] [folder of PDFs]
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pypdfium2

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from altered_quotes import altered_quotes, true_quotes  # noqa: E402

from rag_reasoner.quotes import find_quote  # noqa: E402


def main(count: int, folder: Path) -> None:
    texts = list(_texts(folder))
    random = Random(0)
    true = Counter(find_quote(quote, text) is not None for text in texts for quote in true_quotes(random, text, 40))
    print(f"true quotes found: {true[True]:,} of {true.total():,}")
    made, accepted = Counter[str](), Counter[str]()
    while made.total() < count:
        text = random.choice(texts)
        for name, quote in altered_quotes(random, text, 20):
            made[name] += 1
            accepted[name] += find_quote(quote, text) is not None
    print(f"altered quotes accepted: {accepted.total():,} of {made.total():,}\n")
    print("| altered | made | accepted |\n|---|---|---|")
    for name, times in made.most_common():
        print(f"| {name} | {times:,} | {accepted[name]} |")


def _texts(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.pdf")):
        with pypdfium2.PdfDocument(path) as pdf:
            texts = [pdf[number].get_textpage().get_text_range() for number in range(len(pdf))]
        yield from (text for text in texts if len(text.split()) > 50)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 10_000,
        Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "examples" / "pdfs",
    )
