"""Whether the model answers, asked with a question whose answer is known, and remembered for a while."""

import asyncio
import logging
import time

from rag_reasoner.server.engine import Engine
from rag_reasoner.server.known import PAIR, QUERY, problems

log = logging.getLogger(__name__)

FRESH_SECONDS = 10.0
"""How long a good answer counts; a bad one counts for a tenth of that."""


class Ready:
    """Asks the model at most once at a time, however many want to know."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine, self._seconds = engine, seconds
        self._problem: str | None = None
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def problem(self) -> str | None:
        """What keeps the model from its work; None where it works."""
        async with self._asking:
            if time.monotonic() >= self._until:
                self._problem = await self._asked()
                self._until = time.monotonic() + (FRESH_SECONDS if self._problem is None else FRESH_SECONDS / 10)
            return self._problem

    async def _asked(self) -> str | None:
        try:
            async with asyncio.timeout(self._seconds):
                return next(problems(await self._engine.arerank(QUERY, PAIR)), None)
        except TimeoutError:
            return f"the model did not answer within {self._seconds:g} seconds"
        except Exception as error:  # noqa: BLE001 - any failure means that the model is not ready
            log.error("the model is not ready: %s", type(error).__name__)
            return "the model could not be asked"
