"""Replies as models really spoil them, made from a seed, with the truth that a reader should still get out of them.

Every case starts from a perfect reply. A *slip* changes how it is written and leaves what it says: that must be
recovered, and the slip reported. *Damage* may destroy what it says: then nothing is asked but a valid, honest reply.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from rag_reasoner.tasks import (
    AnswerTask,
    Evidence,
    ListwiseReply,
    MMR5Task,
    RankAndAnswerTask,
    RankTask,
    show,
)
from rag_reasoner.tasks.statement import ABSTENTION, Statement, cite
from rag_reasoner.types import Candidate, Document

DIALECTS = (RankTask, RankAndAnswerTask, AnswerTask, MMR5Task)
Slip = Callable[[Random, str], str]
Task = RankTask | RankAndAnswerTask | AnswerTask | MMR5Task

WORDS = (
    "inventory report agency museum opened budget cases percent survey results retirement premium office total average "
    "increase 1962 330,000 4.35 target met year plan“s naïve 漢字 p<0.05"
).split()


@dataclass(frozen=True)
class Case:
    """A reply, the task it answers, and what must be read out of it; `order` and `answer` are None where nothing must.

    `slips` names what was done to it; `flagged` says whether that must show in the faults.
    """

    task: Task
    reply: str
    order: tuple[int, ...] | None
    answer: Statement | None
    flagged: bool
    slips: tuple[str, ...]


def cases(seed: int, count: int, dialect: type[Task]) -> Iterator[Case]:
    """`count` malformed replies; the same for the same seed."""
    for number in range(count):
        yield case(Random(f"{seed}-{dialect.__name__}-{number}"), dialect)


def case(random: Random, dialect: type[Task]) -> Case:
    task = _task(random, dialect)
    truth = _truth(random, task)
    reply = type(task).render(truth)
    if random.random() < 0.3 or not task.documents:
        name, damage = random.choice(_DAMAGE)
        return Case(task, damage(random, reply), None, None, False, (name,))
    chosen = _chosen(random, dialect)
    departed, harmless = False, _HARMLESS | (_BLANKS if dialect is MMR5Task else set())
    for name in sorted(chosen):
        slipped = chosen[name](random, reply)
        departed |= name not in harmless and _bare(slipped) != _bare(reply)
        reply = slipped
    answer = truth.answer if getattr(task, "gives_answer", False) else None
    return Case(task, reply, _order(task, truth), answer, departed, tuple(chosen))


def _chosen(random: Random, dialect: type[Task]) -> dict[str, Slip]:
    """One slip, or two of different families: two ways to write the ranking at once would be neither."""
    drawn = random.sample(_slips(dialect), random.choice((1, 1, 1, 2)))
    return dict({name.partition(":")[0]: (name, slip) for name, slip in drawn}.values())


def recovered(case: Case, read: ListwiseReply) -> bool:
    """Whether what the reply says was read out of it."""
    right_order = case.order is None or read.order == case.order
    right_answer = case.answer is None or (
        read.answer is not None
        and read.answer.abstained == case.answer.abstained
        and set(read.answer.cited) == set(case.answer.cited)
        and _bare(case.answer.text) in _bare(read.answer.text)
    )
    return right_order and right_answer


def _bare(text: str) -> str:
    return " ".join(text.split())


def _order(task: Task, truth: ListwiseReply) -> tuple[int, ...] | None:
    return truth.order if getattr(task, "gives_order", True) else None


def _task(random: Random, dialect: type[Task]) -> Task:
    count = random.choice((0, 1, 2, 3, 3, 4, 5, 8, 10, 12, 20, 40))
    documents = tuple(show(Candidate(Document(f"d{n}", _prose(random, 12)), n)) for n in range(count))
    return dialect("how many cases?", documents)


def _truth(random: Random, task: Task) -> ListwiseReply:
    count = len(task.documents)
    order = tuple(random.sample(range(count), count))
    lines = tuple(_line(random, task, place) for place in range(count))
    cited = order[: random.choice((1, 1, 2))]
    answer = cite(_prose(random, 4).strip("."), cited) if cited and random.random() < 0.8 else None
    return ListwiseReply(order, count, lines, answer or Statement(ABSTENTION, abstained=True), _prose(random, 30))


def _line(random: Random, task: Task, place: int) -> Evidence:
    if random.random() < 0.5:
        return Evidence(place + 1, False, reason=_prose(random, 5))
    words = task.documents[place].text.split()
    start = random.randrange(6)
    return Evidence(place + 1, True, quote=" ".join(words[start : start + 5]))


def _prose(random: Random, words: int) -> str:
    return " ".join(random.choices(WORDS, k=words)) + "."


# Slips: another way to write the same.


def _in_rank(change: Callable[[Random, list[str]], str]) -> Slip:
    """A slip in how the ranking is written, whichever tag it stands in."""

    def slip(random: Random, reply: str) -> str:
        pattern = r"<rank>(.*?)</rank>" if "<rank>" in reply else r"<answer>(\[[\d, ]*\])</answer>"

        def one(match: re.Match[str]) -> str:
            return match[0].replace(match[1], change(random, re.findall(r"\d+", match[1])))

        return re.sub(pattern, one, reply, flags=re.DOTALL)

    return slip


def _joined(separator: str, item: str = "{}") -> Slip:
    return _in_rank(lambda random, numbers: separator.join(item.format(n) for n in numbers))


def _numbered(item: str) -> Slip:
    return _in_rank(lambda random, numbers: "\n".join(item.format(i, n) for i, n in enumerate(numbers, 1)))


def _tags(change: Slip) -> Slip:
    """A slip in one tag of the reply."""

    def slip(random: Random, reply: str) -> str:
        tags = list(re.finditer(r"</?(?:rank|answer|evidence)>", reply))
        if not tags:
            return reply
        tag = random.choice(tags)
        return reply[: tag.start()] + change(random, tag.group()) + reply[tag.end() :]

    return slip


def _unclosed(random: Random, reply: str) -> str:
    closing = re.findall(r"</(?:rank|answer|evidence)>", reply)
    return reply.replace(random.choice(closing), "") if closing else reply


def _untagged_rank(random: Random, reply: str) -> str:
    label = random.choice(("Ranking: ", "**Ranking:** ", "Final ranking: ", "", "rank = "))
    if "<rank>" in reply:
        return re.sub(r"<rank>(.*?)</rank>", lambda match: label + match[1], reply)
    return re.sub(r"<answer>(\[[\d, ]*\])</answer>", lambda match: label + match[1], reply)


def _untagged_answer(random: Random, reply: str) -> str:
    label = random.choice(("Answer: ", "**Answer:** ", "Final answer: "))
    return re.sub(r"<answer>(.*?)</answer>", lambda match: label + match[1], reply, flags=re.DOTALL)


def _fenced(random: Random, reply: str) -> str:
    return f"```{random.choice(('', 'xml', 'text'))}\n{reply}\n```"


def _preamble(random: Random, reply: str) -> str:
    said = random.choice(
        (
            "Sure! Here is the ranking:",
            "Compare passage 9 with 4. In 2023 there were 17.",
            "I looked at all documents (1, 2 and 3 in detail).",
            "Here is <rank> and then the rest:",
        )
    )
    return _after_thoughts(reply, lambda rest: f"{said}\n\n{rest}")


def _postscript(random: Random, reply: str) -> str:
    said = random.choice(("Let me know if you need more.", "Note: in 2023 there were 17 of them.", "Done!", "---"))
    return f"{reply}\n\n{said}"


def _after_thoughts(reply: str, change: Callable[[str], str]) -> str:
    thoughts, closing, rest = reply.rpartition("</think>")
    return thoughts + closing + change(rest)


def _doubled(random: Random, reply: str) -> str:
    return _after_thoughts(reply, lambda rest: f"{rest}\n{rest}")


def _thinking(random: Random, reply: str) -> str:
    count = random.choice((1, 2))
    return "<think>like <rank>2 > 1</rank> <answer>[2, 1]</answer>? no</think>\n" * count + reply


def _lines(change: Callable[[Random, list[str]], list[str]]) -> Slip:
    """A slip in the lines of evidence."""

    def slip(random: Random, reply: str) -> str:
        def one(match: re.Match[str]) -> str:
            lines = match[1].strip("\n").split("\n")
            return "<evidence>\n" + "\n".join(change(random, lines)) + "\n</evidence>"

        return re.sub(r"<evidence>(.*?)</evidence>", one, reply, flags=re.DOTALL)

    return slip


def _missing_line(random: Random, lines: list[str]) -> list[str]:
    gone = random.randrange(len(lines))
    return lines[:gone] + lines[gone + 1 :]


def _rank_slips() -> list[tuple[str, Slip]]:
    ways = {
        "rank: [2] > [1]": _joined(" > ", "[{}]"),
        "rank: (2) > (1)": _joined(" > ", "({})"),
        "rank: Document 2 > Document 1": _joined(" > ", "Document {}"),
        "rank: [Doc 2], [Doc 1]": _joined(", ", "[Doc {}]"),
        "rank: Image 2; Image 1": _joined("; ", "Image {}"),
        "rank: 2>1": _joined(">"),
        "rank: 2 -> 1": _joined(" -> "),
        "rank: 2 → 1": _joined(" → "),
        "rank: 2,1": _joined(","),
        "rank: 2 1": _joined(" "),
        "rank: one a line": _joined("\n"),
        "rank: bold": _joined(" > ", "**{}**"),
        "rank: #2 > #1": _joined(" > ", "#{}"),
        "rank: JSON": _in_rank(lambda random, numbers: f'{{"ranking": [{", ".join(numbers)}]}}'),
        "rank: trailing comma": _in_rank(lambda random, numbers: ", ".join(numbers) + ","),
        "rank: [ 2 , 1 ]": _in_rank(lambda random, numbers: "[ " + " , ".join(numbers) + " ]"),
        "rank: newlines": _in_rank(lambda random, numbers: "\n" + " > ".join(numbers) + "\n"),
        "rank: repeated": _in_rank(lambda random, numbers: " > ".join([*numbers, *numbers[:2]])),
        "rank: out of range": _in_rank(
            lambda random, numbers: " > ".join([*numbers, random.choice(("0", "-1", "99", "9" * 5000, "0.5"))])
        ),
        "rank: numbered documents": _numbered("{}. Document {}"),
        "rank: numbered brackets": _numbered("{}. [{}]"),
        "rank: numbered": _numbered("{}) {}"),
        "rank: untagged": _untagged_rank,
    }
    return list(ways.items())


_COMMON = [
    ("tag: upper case", _tags(lambda random, tag: tag.upper())),
    ("tag: title case", _tags(lambda random, tag: tag.title())),
    ("tag: blanks", _tags(lambda random, tag: tag.replace("<", "< ").replace(">", " >"))),
    ("tag: unclosed", _unclosed),
    ("tag: bold", _tags(lambda random, tag: f"**{tag}**")),
    ("x: preamble", _preamble),
    ("x: postscript", _postscript),
    ("x: fenced", _fenced),
    ("y: doubled", _doubled),
    ("z: thinking", _thinking),
    ("z: carriage returns", lambda random, reply: reply.replace("\n", "\r\n")),
]
_EVIDENCE = [
    ("evidence: missing line", _lines(_missing_line)),
    ("evidence: doubled line", _lines(lambda random, lines: [*lines, random.choice(lines)])),
    ("evidence: other order", _lines(lambda random, lines: lines[::-1])),
    ("evidence: bullets", _lines(lambda random, lines: [f"- {line}" for line in lines])),
    ("evidence: Document 1", _lines(lambda random, lines: [re.sub(r"^\[(\d+)\]", r"Document \1:", x) for x in lines])),
    ("evidence: bold", _lines(lambda random, lines: [re.sub(r"^(\[\d+\])", r"**\1**", line) for line in lines])),
    (
        "evidence: Yes",
        _lines(lambda random, lines: [re.sub("yes|no", lambda m: m[0].title(), x, count=1) for x in lines]),
    ),
    ("evidence: curly quotes", _lines(lambda random, lines: [re.sub('"(.*)"', r"“\1”", line) for line in lines])),
    ("evidence: chatter", _lines(lambda random, lines: ["Let me see.", *lines, "That is all."])),
]
_ANSWER = [
    ("answer: untagged", _untagged_answer),
    ("answer: [Document 1]", lambda random, reply: re.sub(r"\[(\d+)\](?=[^<\n]*</answer>)", r"[Document \1]", reply)),
    ("answer: foreign mark", lambda random, reply: reply.replace("</answer>", " [977]</answer>")),
    (
        "answer: newlines",
        lambda random, reply: reply.replace("<answer>", "<answer>\n").replace("</answer>", "\n</answer>"),
    ),
]
_HARMLESS = {"z: thinking", "z: carriage returns", "rank: newlines", "answer: newlines"}
"""Slips that are none: the model's own thoughts come first, and blanks beside a tag are no fault."""

_BLANKS = {"rank: [ 2 , 1 ]"}
"""Slips that are none in MM-R5's format, whose own reward and parser disagree about blanks."""


def _slips(dialect: type[Task]) -> list[tuple[str, Slip]]:
    if dialect is MMR5Task:
        return [*_COMMON, *_rank_slips()]
    ranking = _rank_slips() if dialect.gives_order else []
    return [*_COMMON, *_EVIDENCE, *ranking, *(_ANSWER if dialect.gives_answer else [])]


# Damage: nobody can say what was meant.


def _cut(random: Random, reply: str) -> str:
    return reply[: random.randrange(len(reply) + 1)]


def _garbage(random: Random, reply: str) -> str:
    place = random.randrange(len(reply) + 1)
    junk = random.choice(
        ("\x00", "\u202e", "１２", "٣", "<", "</", "<rank>", "</think>", "<think>", "9" * 5000, "\ud800")
    )
    return reply[:place] + junk * random.choice((1, 3)) + reply[place:]


def _holes(random: Random, reply: str) -> str:
    return "".join(char for char in reply if random.random() > 0.1)


def _shuffled(random: Random, reply: str) -> str:
    pieces = re.split(r"(\s+)", reply)
    random.shuffle(pieces)
    return "".join(pieces)


def _refusal(random: Random, reply: str) -> str:
    return random.choice(
        ("", " ", "I'm sorry, I can't help with that.", "Which question?", "null", "{}", "[]", "Doc: 0")
    )


def _open_thoughts(random: Random, reply: str) -> str:
    return f"<think>Compare passage 9 with 4. In 2023 {reply}"


def _huge(random: Random, reply: str) -> str:
    unit = random.choice(
        (
            "[1] yes: a\n",
            "<rank>",
            "</rank>",
            "<think>",
            "1 > ",
            " ",
            "\n",
            '"',
            "“",
            "[",
            "1,",
            "doc ",
            "a",
            "-",
            "\r",
            "answer:",
        )
    )
    place = random.randrange(len(reply) + 1)
    return reply[:place] + unit * (65_536 // len(unit)) + reply[place:]


_DAMAGE = [
    ("cut off", _cut),
    ("cut off ", _cut),
    ("garbage", _garbage),
    ("garbage ", _garbage),
    ("holes", _holes),
    ("shuffled", _shuffled),
    ("refusal", _refusal),
    ("open thoughts", _open_thoughts),
    ("huge", _huge),
]
