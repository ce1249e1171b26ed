"""The command line: one clear line and a documented code for every mistake, and nothing else lost."""

import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import zlib
from functools import partial
from pathlib import Path
from struct import pack

import pytest
from encrypted_pdf import encrypted
from fakes import QUERY, Perfect, documents
from rich.cells import cell_len
from rich.console import Console
from small_pdf import Page, pdf, text
from typer.testing import CliRunner

from rag_reasoner import Document, ReasoningReranker
from rag_reasoner.cli import app
from rag_reasoner.cli.candidates_file import read_candidates
from rag_reasoner.cli.exits import EXIT_CODES, guarded
from rag_reasoner.errors import BackendError, InvalidInput, MissingExtra, ModelError, QueryTooLong, Unreadable
from rag_reasoner.report.terminal import print_result

QUESTION = "When did the museum open?"
LEXICAL = ("--model", "lexical")
COMMAND = shutil.which("rag-reasoner", path=str(Path(sys.executable).parent)) or "rag-reasoner"


def run(*args):
    return CliRunner().invoke(app, [*map(str, args)])


def ask(*paths, question=QUESTION, options=()):
    return run("ask", *paths, question, *LEXICAL, *options)


def image(width, height):
    """A PNG that says how large it is, and holds nothing."""

    def chunk(kind, data):
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


FILES = {
    "good.pdf": pdf(Page(text("The museum opened in 1962."))),
    "secret.pdf": encrypted("The museum opened in 1970.", "swordfish"),
    "damaged.pdf": b"%PDF-1.7\nnothing of a PDF",
    "nopages.pdf": pdf(),
    "absurd.pdf": pdf(Page(text("A page of the museum"), media_box="0 0 99999999 99999999")),
    "empty.pdf": b"",
    "huge.png": image(30_000, 30_000),
    "latin.txt": "Das Museum öffnete 1962".encode("latin-1"),
    "binary.txt": bytes(range(256)) * 8,
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Good files and bad ones, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        Path(name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("nowhere.pdf", 2, "'nowhere.pdf' does not exist"),
        ("void", 2, "'void' has nothing to read; files that are read: .pdf"),
        ("secret.pdf", 3, "secret.pdf: it is encrypted: give its password"),
        ("damaged.pdf", 3, "damaged.pdf: it is too damaged to open"),
        ("nopages.pdf", 3, "nopages.pdf: it is too damaged to open, or has no pages"),
        ("empty.pdf", 3, "empty.pdf: it is empty"),
        ("huge.png", 3, "huge.png: an image of 30000 x 30000 pixels is too large"),
        ("binary.txt", 3, "binary.txt: it is neither UTF-8 nor Windows-1252: save it as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_gets_one_line_that_names_it_and_a_code(files, name, code, said):
    Path("void").mkdir()
    result = ask(name)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_bad_files_cost_only_themselves_and_each_is_named_with_its_own_reason(files):
    result = ask(".")
    notes = [line for line in result.stdout.splitlines() if line.startswith("! ")]
    assert result.exit_code == 0
    assert "good.pdf  p. 1" in result.stdout
    assert "latin.txt" in result.stdout
    for name in ("secret.pdf", "damaged.pdf", "nopages.pdf", "empty.pdf", "huge.png", "binary.txt", "absurd.pdf"):
        assert sum(name in note for note in notes) == 1
    assert any("nopages.pdf: it is too damaged to open, or has no pages" in note for note in notes)


def test_a_page_of_absurd_size_is_read_and_told_of(files):
    result = ask("absurd.pdf")
    assert result.exit_code == 0
    assert "museum" in result.stdout
    assert "! absurd.pdf: p. 1: a page of 1e+08 x 1e+08 points cannot be drawn; its text was read" in result.stdout


def test_a_password_opens_an_encrypted_file_and_is_told_to_nobody(files, monkeypatch):
    wrong = ask("secret.pdf", options=("--password", "carp"))
    right = ask("secret.pdf", options=("--password", "swordfish", "--json"))
    monkeypatch.setenv("RAG_REASONER_PASSWORD", "swordfish")
    from_environment = ask("secret.pdf")
    assert (wrong.exit_code, right.exit_code, from_environment.exit_code) == (3, 0, 0)
    assert "secret.pdf: the password does not open it" in wrong.stderr
    assert "1970" in right.stdout
    assert "swordfish" not in right.stdout + right.stderr
    assert "carp" not in wrong.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("good.pdf", ""), "the query is empty ('')"),
        (("good.pdf", " "), "the query is empty"),
        (("good.pdf",), "only one argument was given ('good.pdf'): give files or folders, and then the question"),
        (("good.pdf", QUESTION, "--keep", "7.x"), "--keep 7.x: give auto, all, a number like 7 or a probability"),
        (("good.pdf", QUESTION, "--keep", "0"), "--keep 0: give auto"),
        (("good.pdf", QUESTION, "--top-k", "0"), "top-k"),
        (("good.pdf", QUESTION, "--seconds", "-1"), "seconds"),
        (("good.pdf", QUESTION, "--format", "other"), "format"),
        (("good.pdf", QUESTION, "--jsn"), "No such option: --jsn"),
        (("good.pdf", "-40 degrees?"), "No such option"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(files, args, said):
    result = run("ask", *args, *LEXICAL)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_options_may_follow_the_paths_and_a_question_may_start_with_a_dash(files):
    assert run("ask", "good.pdf", "--model", "lexical", "latin.txt", QUESTION, "--json").exit_code == 0
    dashed = run("ask", *LEXICAL, "--json", "--", "good.pdf", "-40 museum?")
    assert json.loads(dashed.stdout)["query"] == "-40 museum?"


def test_a_question_that_shares_no_word_with_any_page_is_no_error(files):
    result = ask("good.pdf", question="zebra?")
    assert result.exit_code == 0
    assert "no page shares a word with the question" in result.stdout
    assert "The documents do not say." in result.stdout


def test_json_is_the_whole_result_and_nothing_else(files):
    result = ask("good.pdf", "damaged.pdf", options=("--json", "--top-k", "1"))
    found = json.loads(result.stdout)
    document = found["ranked"][0]["candidate"]["document"]
    assert (document["id"], document["source"], document["page"]) == ("good.pdf#p1", "good.pdf", 1)
    assert found["answer"]["citations"][0]["quote"] == "The museum opened in 1962."
    assert found["answer"]["citations"][0]["boxes"]
    assert [(fault["kind"], fault["source"]) for fault in found["faults"]] == [("unread", "damaged.pdf")]
    assert {"read", "retrieve"} <= set(found["timings"])
    assert result.stderr == ""


def jsonl(path, *lines):
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    return path


A, B = {"id": "a", "text": "the museum opened"}, {"id": "a", "text": "the museum opened"}


def rerank(*candidates, options=()):
    named = [arg for path in candidates for arg in ("--candidates", path)]
    return run("rerank", QUESTION, *named, *LEXICAL, *options)


def test_candidates_with_the_same_id_and_the_same_text_stay_two(files):
    found = json.loads(rerank(jsonl(files / "c.jsonl", A, B), options=("--json",)).stdout)
    assert [(one["candidate"]["position"], one["rank"]) for one in found["ranked"]] == [(0, 1), (1, 2)]


def test_one_candidate_needs_no_model_call(files):
    found = json.loads(rerank(jsonl(files / "c.jsonl", A), options=("--json",)).stdout)
    assert (found["usage"]["calls"], len(found["ranked"]), found["degraded"]) == (0, 1, False)


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ((), 3, "the file is empty; a line is"),
        ((b"\xff\xfe",), 3, "line 1: Invalid JSON"),
        (({"text": "no id"},), 3, "line 1: id: Field required"),
        (({"id": "a", "page": "two"},), 3, "line 1: page: "),
    ],
)
def test_a_file_without_candidates_says_what_a_line_is(files, lines, code, said):
    result = rerank(jsonl(files / "c.jsonl", *lines))
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert 'a line is {"id": "a", "text": "..."}' in result.stderr


def test_a_bad_line_costs_itself_and_a_bad_file_too(files):
    some = jsonl(files / "some.jsonl", A, b"no json", b"", b"\xff", {**B, "id": 7})
    result = rerank("damaged.pdf", some, jsonl(files / "none.jsonl"), "good.pdf", options=("--json",))
    found = json.loads(result.stdout)
    assert {one["candidate"]["document"]["id"] for one in found["ranked"]} == {"a", "7", "good.pdf#p1"}
    unread = [(Path(fault["source"] or "").name, fault["detail"].split(":")[0]) for fault in found["faults"]]
    assert ("damaged.pdf", "it is too damaged to open, or has no pages") in unread
    assert ("some.jsonl", "line 2") in unread
    assert ("some.jsonl", "line 4") in unread


def test_a_file_of_candidates_that_does_not_exist_is_named(files):
    result = rerank("nowhere.jsonl")
    assert result.exit_code == 2
    assert "nowhere.jsonl: No such file or directory; give a .jsonl file" in result.stderr


def test_a_line_ends_at_a_newline_only_and_keeps_what_else_it_says(tmp_path):
    line = {"id": "a", "text": "one\u2028two\x85three", "title": "T", "page": 3, "source": "s", "colour": "red"}
    raw = json.dumps(line, ensure_ascii=False).encode()
    (document,), faults = read_candidates(jsonl(tmp_path / "c.jsonl", b"\xef\xbb\xbf" + raw + b"\r"))
    assert faults == []
    assert document == Document("a", line["text"], None, "s", 3, "T", metadata={"colour": "red"})


def test_rerank_answers_only_if_asked(files):
    candidates = jsonl(files / "c.jsonl", A, {"id": "b", "text": "rocks"})
    assert json.loads(rerank(candidates, options=("--json",)).stdout)["answer"] is None
    assert json.loads(rerank(candidates, options=("--json", "--answer")).stdout)["answer"]["citations"]


@pytest.mark.parametrize("command", ["ask", "rerank", "pull", "doctor"])
def test_every_help_has_examples_that_fit_a_line_and_the_exit_codes(command):
    result = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"  rag-reasoner {command}" in result.stdout
    assert " ".join(EXIT_CODES.split()) in " ".join(result.stdout.split())
    assert max(map(cell_len, result.stdout.splitlines())) <= 80
    examples = [line for line in result.stdout.splitlines() if line.startswith(f"    rag-reasoner {command}")]
    assert all(line.count('"') % 2 == 0 for line in examples)


def test_without_a_command_the_help_is_shown_and_the_version_can_be_asked_for():
    assert "ask" in run().output
    assert run("--version").stdout.strip()


def test_doctor_says_that_all_is_well():
    result = run("doctor", *LEXICAL)
    assert result.exit_code == 0
    assert "all is well" in result.stdout


@pytest.mark.parametrize("command", [("ask", "good.pdf", QUESTION), ("doctor",)])
def test_a_model_that_cannot_be_loaded_has_a_code_of_its_own(files, command):
    Path("void").mkdir()
    result = run(*command, "--model", "./void")
    assert result.exit_code == 4
    assert "./void" in result.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("x"), 2),
        (QueryTooLong("x"), 2),
        (Unreadable("a", "b"), 3),
        (ModelError("x"), 4),
        (MissingExtra("this", "local"), 4),
        (BackendError("x"), 4),
        (KeyboardInterrupt(), 130),
    ],
)
def test_every_known_end_has_its_code_and_one_line(error, code, capsys):
    @guarded
    def command():
        raise error

    with pytest.raises(Exception) as caught:  # noqa: PT011 - typer's Exit, whatever it derives from
        command()
    assert caught.value.exit_code == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_bug_is_not_dressed_up():
    @guarded
    def command():
        raise TypeError("a bug")

    with pytest.raises(TypeError):
        command()


def start(*args, **options):
    return subprocess.Popen([COMMAND, *map(str, args)], stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture
def long_list(tmp_path):
    return jsonl(tmp_path / "long.jsonl", *({"id": str(n), "text": f"museum {n} " * 300} for n in range(150)))


@pytest.mark.parametrize("options", [("--json",), ("--explain", "full")])
def test_a_reader_that_leaves_is_no_error(long_list, options):
    process = start("rerank", QUESTION, "-c", long_list, *LEXICAL, "--keep", "all", *options, stdout=subprocess.PIPE)
    assert process.stdout.readline()
    process.stdout.close()
    assert (process.wait(120), process.stderr.read()) == (0, "")
    process.stderr.close()


def test_a_command_that_may_write_to_nothing_does_its_work(long_list):
    command = ["sh", "-c", 'exec "$0" "$@" >&-', COMMAND, "rerank", QUESTION, "-c", str(long_list), *LEXICAL]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


WRITES = """
import sys, typer
from rag_reasoner.cli.exits import guarded

def command() -> None:
    for _ in range({lines}):
        sys.stdout.write("a line of this\\n")

app = typer.Typer()
app.command()(guarded(command))
app()
"""


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_was_never_there_is_no_error_whatever_is_left_to_be_written(lines):
    reading, writing = os.pipe()
    os.close(reading)
    asked = [sys.executable, "-c", WRITES.format(lines=lines)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(asked, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120, env=buffered)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_interrupt_ends_with_a_word_and_its_code(tmp_path):
    waited_for = tmp_path / "endless.jsonl"
    os.mkfifo(waited_for)
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are born deaf to it
    process = start("rerank", QUESTION, "-c", waited_for, *LEXICAL, stdout=subprocess.PIPE, preexec_fn=heard)
    with waited_for.open("wb"):  # opens when the command reads
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err.strip()) == (130, "", "error: interrupted")


def test_progress_is_for_those_who_watch(files):
    leader, follower = pty.openpty()
    command = [COMMAND, "ask", "good.pdf", QUESTION, *LEXICAL]
    watched = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, text=True, timeout=120)
    os.close(follower)
    seen = os.read(leader, 100_000).decode()
    os.close(leader)
    piped = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "reading" in seen or "good.pdf" in seen
    assert piped.stderr == ""
    assert "reading" not in watched.stdout + piped.stdout
    assert watched.stdout.splitlines()[1:] == piped.stdout.splitlines()[1:]


def printed(result, width=80, terminal=True, **options):
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, no_color=True, highlight=False)
    print_result(result, top_k=5, console=console, **options)
    return out.getvalue().replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")


LONG = [Document("a", "worth 0.9 " + "of words that go on and on " * 12, source="a-file.pdf", page=3), *documents(0.1)]


class Quoting(Perfect):
    """Quotes documents at length."""

    def write(self, task):
        return super().write(task).replace('"worth 0.9"', '"' + LONG[0].text[:180] + '"')


def test_in_80_columns_every_line_fits_and_keeps_its_indentation():
    result = ReasoningReranker(Quoting(), keep="all").answer(QUERY, LONG)
    lines = printed(result).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(" 1  a-file.pdf  p. 3   0.90"))
    quote = lines[first + 1 : next(n for n, line in enumerate(lines) if "why (fake): helps" in line)]
    assert max(map(cell_len, lines)) <= 80
    assert len(quote) > 1
    assert all(line.startswith("    ") for line in quote)
    assert "✓ verified" in " ".join(quote)


def test_a_pipe_gets_every_line_whole():
    result = ReasoningReranker(Quoting(), keep="all").answer(QUERY, LONG)
    assert printed(result, terminal=False) == printed(result, width=1000, terminal=False)


def test_what_was_dropped_and_why_is_there_for_whoever_asks():
    result = ReasoningReranker(Perfect()).answer(QUERY, documents(0.9, 0.8, 0.7, 0.01, 0.02))
    short, full = printed(result), printed(result, full=True)
    assert "(2 dropped: --explain full)" in short
    assert "d3   0.01   P(relevant) below 0.1" in full
    assert "d3" not in short


def test_a_document_commands_no_terminal(files):
    commands = "The museum opened \x1b[31mRED\x1b]0;own\x07 in 1962 \u202e evil."
    Path("esc.md").write_text(commands + " It rained." * 20, encoding="utf-8")
    result = ask("esc.md", options=("--explain", "full"))
    assert result.exit_code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(result.stdout)
    named = ask("\x1b[31mnowhere.pdf")
    assert "\x1b" not in named.stderr


def test_a_file_whose_name_is_no_unicode_is_read_and_printed(files):
    name = os.fsdecode(b"\xff museum.txt")
    Path(name).write_text("The museum opened in 1962.")
    assert ask(name).exit_code == 0
    assert json.loads(ask(name, options=("--json",)).stdout)["ranked"]
