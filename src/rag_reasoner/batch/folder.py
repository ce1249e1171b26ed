"""A batch as a folder: its plan and questions, a file of requests and one of replies a round, and the results."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rag_reasoner.batch.lines import numbered, read_question
from rag_reasoner.batch.requests import Done, Plan, Question, advance, build_requests, parse_replies
from rag_reasoner.errors import InvalidInput

PLAN, QUESTIONS, RESULTS = "plan.json", "questions.jsonl", "results.jsonl"


def begin(folder: Path, questions: Path, plan: Plan) -> Path | None:
    """Make the folder and the first round's requests. Raises InvalidInput for a line that cannot be asked."""
    if (folder / PLAN).exists():
        raise InvalidInput(f"{folder} holds a batch already; give a new folder")
    content = questions.read_bytes() if questions.is_file() else None
    if content is None:
        raise InvalidInput(f"{questions} cannot be read; give a .jsonl file of questions with their candidates")
    _parsed(content, str(questions))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / QUESTIONS).write_bytes(content)
    (folder / PLAN).write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")
    return go_on(folder)


def take(folder: Path, replies: Path) -> Path | None:
    """Keep the replies to the latest round, then write the next round's requests, or the results: then None."""
    latest = _latest(folder)
    if latest == 0:
        raise InvalidInput(f"{folder} has no round that waits for replies; export first")
    try:
        content = replies.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{replies}: {error.strerror or 'cannot be read'}") from error
    _write(folder / f"round-{latest}.replies.jsonl", content)
    return go_on(folder)


def go_on(folder: Path) -> Path | None:
    """The next round's requests, or the results where nothing is left to ask: then None."""
    plan, questions = _plan(folder), _parsed((folder / QUESTIONS).read_bytes(), QUESTIONS)
    asked = frozenset(json.loads(line)["custom_id"] for line in _lines(folder, "requests"))
    replies = parse_replies(_lines(folder, "replies"))
    lines = build_requests(questions, plan, replies, asked)
    if lines:
        file = folder / f"round-{_latest(folder) + 1}.requests.jsonl"
        _write(file, "".join(f"{json.dumps(line)}\n" for line in lines).encode())
        return file
    ended = ((question.id, advance(question, plan, replies, asked)) for question in questions)
    told = ({"id": id, **json.loads(state.result.to_json())} for id, state in ended if isinstance(state, Done))
    _write(folder / RESULTS, "".join(f"{json.dumps(one)}\n" for one in told).encode())
    return None


def _plan(folder: Path) -> Plan:
    try:
        return TypeAdapter(Plan).validate_json((folder / PLAN).read_bytes())
    except (OSError, ValidationError) as error:
        raise InvalidInput(f"{folder} holds no batch, or one that was damaged; export again") from error


def _parsed(content: bytes, name: str) -> list[Question]:
    questions = [_question(name, number, line) for number, line in numbered(content)]
    if len({question.id for question in questions}) < len(questions):
        raise InvalidInput(f"{name}: an id comes twice; replies could not be told apart")
    return questions


def _question(name: str, number: int, line: bytes) -> Question:
    try:
        return read_question(line)
    except InvalidInput as error:
        raise InvalidInput(f"{name}, line {number}: {error}") from None


def _latest(folder: Path) -> int:
    return len(list(folder.glob("round-*.requests.jsonl")))


def _lines(folder: Path, kind: str) -> Iterator[bytes]:
    for number in range(1, _latest(folder) + 1):
        file = folder / f"round-{number}.{kind}.jsonl"
        if file.exists():
            yield from (line for line in file.read_bytes().split(b"\n") if line.strip())


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    beside = file.with_suffix(".part")
    beside.write_bytes(content)
    beside.replace(file)
