"""What a page store survives (R4): writers killed at random moments, damaged files, readers beside a writer.

    python benchmarks/store_kills.py [--kills 1000] [--damaged 2000] [--reading 30] [--seed 0]

After each kill the store must hold the last state or the one being written, whole; each damage must be noticed before
faiss reads a byte; two processes that read while a third writes must see whole states only, and no error.
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from store_trials import damages, indexed_store, killed_states, lower_limits, read_beside_a_writer  # noqa: E402


def main() -> None:
    options = _options()
    lower_limits()
    with tempfile.TemporaryDirectory() as folder:
        whole = Counter(killed_states(Path(folder) / "store", options.kills, options.seed))
        print(f"kills: {options.kills}, the old or the new state after {whole[True]}, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        indexed_store(Path(folder))
        noticed = Counter(damages(Path(folder), options.damaged, options.seed))
        kinds = {kind for kind, _ in noticed}
        found = sum(count for (_, seen), count in noticed.items() if seen)
        print(
            f"damaged files: {noticed.total()} of {len(kinds)} kinds, noticed {found}, seed {options.seed}", flush=True
        )
    with tempfile.TemporaryDirectory() as folder:
        reads, states, torn = read_beside_a_writer(Path(folder) / "store", readers=2, seconds=options.reading)
        print(f"two readers beside a writer, {options.reading} s: {reads} reads, {states} states, {torn} torn")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What a page store survives.")
    for name, default in (("kills", 1000), ("damaged", 2000), ("reading", 30), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser.parse_args()


if __name__ == "__main__":
    main()
