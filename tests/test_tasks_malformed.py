"""R1 of what we promise, in CI's size; `benchmarks/malformed_replies.py` is the full one."""

import pytest
from malformed import DIALECTS, cases, recovered

from rag_reasoner.types import FAULTS

REPLIES = 2_500


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.__name__)
def test_malformed_replies_give_a_permutation_and_recoverable_ones_what_they_say_and_every_repair_a_fault(dialect):
    recoverable, lost = 0, []
    for case in cases(0, REPLIES, dialect):
        read = case.task.parse(case.reply)
        count = len(case.task.documents)
        assert sorted(read.order) == list(range(count)), case
        assert 0 <= read.stated <= count
        assert {fault.kind for fault in read.faults} <= FAULTS.keys()
        assert read.faults or not case.flagged, case
        recoverable += case.order is not None or case.answer is not None
        lost += [] if recovered(case, read) else [case]
    assert recoverable > REPLIES / 2
    assert len(lost) <= recoverable / 100, lost[:3]
