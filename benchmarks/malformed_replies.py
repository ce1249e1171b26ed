"""R1: malformed replies in four formats. What is valid, recovered and reported, and how long reading takes.

    python benchmarks/malformed_replies.py [replies per format]

Times are the processor's, so that what else runs on the machine does not count.
"""

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from malformed import DIALECTS, Case, cases, recovered

from rag_reasoner.tasks import ListwiseReply

_SIZES = (16_384, 65_536, 262_144)
_UNITS = (
    "[1] yes: a\n",
    "<rank>",
    "</rank>",
    "<think>",
    "</think>",
    "1 > ",
    " ",
    '"',
    "“",
    "[",
    "1,",
    "doc ",
    "a",
    "a- ",
)


def main(count: int) -> None:
    print(f"{count:,} replies a format\n")
    print("| format | valid order | exceptions | recovered | reported | p50 ms | p99 ms | slowest ms |")
    print("|---|---|---|---|---|---|---|---|")
    for dialect in DIALECTS:
        print(_row(dialect, count))
    print("\n| unit repeated | " + " | ".join(f"{size // 1024} KB ms" for size in _SIZES) + " |\n|---|---|---|---|")
    for unit in _UNITS:
        print(_growth(unit))


def _row(dialect: type, count: int) -> str:
    figures: Counter[str] = Counter()
    seconds = []
    lost: Counter[str] = Counter()
    for case in cases(1, count, dialect):
        start = time.thread_time()
        try:
            read = case.task.parse(case.reply)
        except Exception as error:  # noqa: BLE001 - counting these is what the benchmark is for
            lost[f"{type(error).__name__} {case.slips}"] += 1
            continue
        seconds.append(time.thread_time() - start)
        _count(figures, lost, case, read)
    for what in [what for what, times in lost.most_common(8) if times]:
        print("  ", lost[what], what, file=sys.stderr)
    seconds.sort()
    middle, nearly_all, slowest = (1e3 * seconds[int(share * (len(seconds) - 1))] for share in (0.5, 0.99, 1))
    return (
        f"| {dialect.__name__} | {_share(figures['valid'], count)} | {count - len(seconds)} | "
        f"{_share(figures['recovered'], figures['recoverable'])} | {_share(figures['reported'], figures['slipped'])} | "
        f"{middle:.2f} | {nearly_all:.2f} | {slowest:.1f} |"
    )


def _count(figures: Counter[str], lost: Counter[str], case: Case, read: ListwiseReply) -> None:
    figures["valid"] += sorted(read.order) == list(range(len(case.task.documents)))
    if case.order is not None or case.answer is not None:
        figures["recoverable"] += 1
        figures["recovered"] += recovered(case, read)
        lost[f"not recovered: {case.slips}"] += not recovered(case, read)
    if case.flagged:
        figures["slipped"] += 1
        figures["reported"] += bool(read.faults)
        lost[f"not reported: {case.slips}"] += not read.faults


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"


def _growth(unit: str) -> str:
    worst = []
    for size in _SIZES:
        reply = unit * (size // len(unit))
        worst.append(max(_seconds(case.task, reply) for case in (next(cases(1, 1, dialect)) for dialect in DIALECTS)))
    return f"| {unit!r} | " + " | ".join(f"{worst_of * 1e3:.1f}" for worst_of in worst) + " |"


def _seconds(task: object, reply: str) -> float:
    start = time.thread_time()
    task.parse(reply)  # type: ignore[attr-defined]
    return time.thread_time() - start


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
