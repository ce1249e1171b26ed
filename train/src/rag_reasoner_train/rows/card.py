"""The card of a data set: what it holds, where it is from, and the command that made it."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag_reasoner.evaluate.markdown import table
from rag_reasoner_train.errors import BadRow
from rag_reasoner_train.rows.balance import SET, bucket
from rag_reasoner_train.rows.row import Row
