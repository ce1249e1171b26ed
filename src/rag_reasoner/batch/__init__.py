"""The pipeline driven by files: requests out, replies in, round by round. Pure and picklable, for any batch engine."""

from rag_reasoner.batch.requests import Done, Plan, Question, Waiting, advance, build_requests, parse_replies

__all__ = ["Done", "Plan", "Question", "Waiting", "advance", "build_requests", "parse_replies"]
