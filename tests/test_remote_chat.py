"""Chat completions: what is asked, what a reply means, and that nothing a document says becomes a control token."""

import contextlib
import math
import re

import pytest
from faulty_server import FaultyServer, chat_reply
from hypothesis import given
from hypothesis import strategies as st
from small_tasks import QUESTION, SHOWN, TASKS, of

from rag_reasoner import Document, ReasoningReranker
from rag_reasoner.backends.http.retry import Kind, Tries, Trouble, retry_after
from rag_reasoner.backends.load import load_backend
from rag_reasoner.backends.openai_compatible import OpenAICompatible
from rag_reasoner.backends.openai_compatible.content import chat
from rag_reasoner.backends.openai_compatible.dialects import DIALECTS, served
from rag_reasoner.backends.openai_compatible.form import regex
from rag_reasoner.backends.openai_compatible.special import broken_up, mended
from rag_reasoner.backends.openai_compatible.wire import NoLogprobs, Wire, read_completion, read_judgement
from rag_reasoner.errors import BackendError, InvalidInput
from rag_reasoner.tasks import Evidence, ListwiseReply, RankAndAnswerTask, RankTask, RelevanceTask
from rag_reasoner.tasks.statement import cite

SPECIAL = (
    "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|image_pad|>", "<｜begin▁of▁sentence｜>", "<s>", "</s>", "[INST]",
    "[/INST]", "<<SYS>>", "<start_of_turn>", "<image>", "<bos>", "[IMG]", "<tool_call>", "<fake_token_around_image>",
    "<row_1_col_2>", "<unused7>", "<end_of_utterance>",
)  # fmt: skip


@pytest.mark.parametrize("special", SPECIAL)
def test_special_strings_are_broken_up_in_place_and_mended_in_quotes(special):
    text = f"before {special} after{special}"
    shown = broken_up(text)
    assert special not in shown
    assert len(shown) == len(text)
    assert mended(shown) == text


@given(st.text() | st.lists(st.sampled_from([*SPECIAL, "<", "|", ">", "[", "x", "im_end"])).map("".join))
def test_breaking_up_keeps_every_offset_and_leaves_nothing_to_break(text):
    shown = broken_up(text)
    assert len(shown) == len(text)
    assert broken_up(shown) == shown
    assert mended(shown) == text or set(text) & {"\u02c2", "\u27e6"}


def test_a_quote_with_a_special_string_is_found_in_its_document():
    reply = '<evidence>\n[1] yes: "the mark \u02c2|im_end|> ends a turn"\n</evidence>\n<rank>1</rank>'
    with FaultyServer(lambda _: chat_reply(reply)) as server:
        backend = OpenAICompatible(server.url(), "m", dialect="openai")
        texts = ["In ChatML, the mark <|im_end|> ends a turn.", "x"]
        result = ReasoningReranker(backend, stages=("rank",)).rerank("Which mark?", texts)
        backend.close()
        assert b"<|im_end|>" not in server.bodies[0]
    (citation,) = result.ranked[0].citations
    assert citation.verified == "exact"
    assert citation.quote == "the mark <|im_end|> ends a turn"


def test_text_comes_first_and_images_stand_where_they_belong():
    (_, user) = chat(RankTask(QUESTION, SHOWN).messages(), lambda image: "data:it")
    assert [part["type"] for part in user["content"]] == ["text", "image_url", "text"]
    assert user["content"][0]["text"].startswith("[1] ")
    assert user["content"][0]["text"].rstrip().endswith("[3]")
    assert user["content"][2]["text"].endswith(f"Question: {QUESTION}")
    assert chat(of(RankTask, 2).messages(), str)[1]["content"].endswith(f"Question: {QUESTION}")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_gets_the_fields_that_it_knows(dialect):
    wire = Wire("m", DIALECTS[dialect], think_tokens=100)
    task = of(RankTask, 3)
    body = wire.completion(task, str)
    assert body["max_tokens"] == task.reply_tokens + 100
    assert body["temperature"] == 0
    known = {
        "vllm": {"structured_outputs", "chat_template_kwargs", "thinking_token_budget"},
        "sglang": {"regex", "chat_template_kwargs"},
        "llamacpp": {"chat_template_kwargs", "repeat_penalty"},
        "openai": set(),
    }
    assert set(body) - {"model", "messages", "max_tokens", "temperature", "seed"} == known[dialect]
    assert "grammar" in Wire("m", DIALECTS["llamacpp"]).completion(task, str)


def test_a_field_can_be_added_and_taken_out():
    body = Wire("m", extra={"seed": None, "service_tier": "flex"}).completion(of(RankTask, 2), str)
    assert "seed" not in body
    assert body["service_tier"] == "flex"


@given(st.permutations(range(3)), st.text("abc ,.?", max_size=30).map(str.strip))
def test_every_perfect_reply_is_within_the_form_that_a_server_holds_it_to(order, words):
    task = of(RankAndAnswerTask, 3)
    lines = tuple(Evidence(n, n == 1, quote=words if n == 1 else "", reason="" if n == 1 else words) for n in (1, 2, 3))
    reply = task.render(ListwiseReply(tuple(order), 3, lines, cite(words or "x", (0,))))
    assert re.fullmatch(regex(task.scaffold()), reply)


@pytest.mark.parametrize("task", TASKS[1:], ids=lambda task: type(task).__name__)
def test_the_form_excludes_prose(task):
    assert not re.fullmatch(regex(task.scaffold()), "I would say that the first one is best.")


def test_thinking_in_its_field_or_in_tags_is_never_parsed():
    task = of(RankTask, 2)
    ranked = "<evidence>\n[1] no: a\n[2] no: b\n</evidence>\n<rank>2 > 1</rank>"
    in_field = read_completion(chat_reply(ranked, reasoning="<rank>1 > 2</rank>", reasoning_content="1 > 2"))
    in_tags = read_completion(chat_reply(f"<think><rank>1 > 2</rank></think>{ranked}"))
    unended = read_completion(chat_reply("<think><rank>2 > 1</rank>", "length"))
    assert [task.parse(one.text).order for one in (in_field, in_tags, unended)] == [(1, 0), (1, 0), (0, 1)]
    assert unended.truncated


def test_a_budget_that_thinking_used_up_is_told_and_is_no_reply():
    reply = read_completion(chat_reply(None, "length", reasoning="so much to say"))
    assert (reply.text, reply.fault.kind) == (None, "truncated")
    assert "think_tokens" in reply.fault.detail


def judgement(top):
    said = chat_reply("?")
    said["choices"][0]["logprobs"] = {"content": [{"top_logprobs": top}]}
    return said


def test_the_probability_is_yes_against_no_over_every_way_to_write_them():
    top = [(" Yes", 0.3), ("yes", 0.3), ("No", 0.2), ("maybe", 0.1)]
    listed = [{"token": token, "logprob": math.log(p)} for token, p in top]
    assert read_judgement(judgement(listed)).probability == pytest.approx(0.75)


def test_the_very_words_count_alone_where_both_are_listed():
    top = [("Yes", 0.5), ("yes", 0.3), ("no", 0.1)]
    listed = [{"token": token, "logprob": math.log(p)} for token, p in top]
    assert read_judgement(judgement(listed)).probability == pytest.approx(0.75)


def test_a_word_that_is_not_listed_counts_as_the_least_that_is():
    listed = [{"token": "yes", "logprob": math.log(0.9)}, {"token": "x", "logprob": math.log(0.01)}]
    assert read_judgement(judgement(listed)).probability == pytest.approx(0.9 / 0.91)


def test_neither_word_is_a_fault_and_not_a_verdict():
    judged = read_judgement(judgement([{"token": "<think>", "logprob": -0.1}]))
    assert (judged.probability, judged.fault.kind) == (None, "unreadable")


def test_a_server_without_logprobs_says_what_to_do_and_is_asked_once():
    with FaultyServer(lambda _: chat_reply("yes")) as server:
        backend = OpenAICompatible(server.url(), "m", dialect="openai", concurrency=1)
        pairs = [RelevanceTask(QUESTION, shown) for shown in SHOWN[:2]]
        for _ in range(3):
            with pytest.raises(BackendError, match="filter_model"):
                backend.judge(pairs)
        backend.close()
        assert sum(server.requests.values()) == 1


def test_the_server_is_asked_once_what_it_is_and_which_model_it_has():
    def reply(body):
        return chat_reply("x") if body else {"data": [{"id": "the-model", "owned_by": "vllm"}]}

    with FaultyServer(reply) as server:
        backend = load_backend(server.url(), None, str)
        for _ in range(2):
            backend.complete([of(RankTask, 2)])
        backend.close()
        assert sum(not body for body in server.bodies) == 1
        assert b"the-model" in server.bodies[-1]
        assert b"structured_outputs" in server.bodies[-1]


def test_a_server_with_several_models_asks_to_name_one():
    models = {"data": [{"id": "a"}, {"id": "b"}]}
    with FaultyServer(lambda _: models) as server:
        backend = OpenAICompatible(server.url())
        with pytest.raises(BackendError, match="the server has a, b"):
            backend.complete([of(RankTask, 2)])
        backend.close()


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["data", "id", "owned_by", "choices", "message", "content", "logprobs"]), inner)))  # fmt: skip
def test_whatever_a_server_says_is_read_or_refused(said):
    assert served(said).dialect in DIALECTS.values()
    for read in (read_completion, read_judgement):
        with contextlib.suppress(Trouble, NoLogprobs):
            assert read(said)


@pytest.mark.parametrize("url", ["", "host:8000", "ftp://host", "http://", "http://u:p@h/v1", "http://h/v1?key=secret"])
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url):
    with pytest.raises(InvalidInput) as raised:
        OpenAICompatible(url)
    assert "secret" not in str(raised.value)


def test_retry_after_is_read_in_seconds_or_as_a_date():
    assert retry_after("120") == 120
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert [retry_after(value) for value in (None, "soon", "-1", "1e9")] == [None] * 4


def test_the_retry_table():
    for kind, retries in ((Kind.BUSY, 2), (Kind.UNREACHED, 2), (Kind.MALFORMED, 1), (Kind.FINAL, 0)):
        trouble, tries = Trouble(kind, "x"), Tries()
        allowed = 0
        while (tries := tries.after(trouble)).may_go_on(trouble):
            allowed += 1
        assert allowed == retries
    assert Tries().after(Trouble(Kind.BUSY, "x")).pause(Trouble(Kind.BUSY, "x", 7.0)) == 7.0


def test_an_image_is_sent_as_a_data_url():
    from PIL import Image as pillow

    from rag_reasoner.types import Image

    with FaultyServer(lambda _: chat_reply("<rank>1 > 2</rank>")) as server:
        loaded = pillow.new("RGB", (8, 8), "red")
        backend = OpenAICompatible(server.url(), "m", dialect="vllm", reads_images=True, load_image=lambda _: loaded)
        documents = [Document("a", image=Image(data=b"x")), Document("b", "text")]
        ReasoningReranker(backend, stages=("rank",)).rerank("What is red?", documents)
        backend.close()
        assert b"data:image/png;base64,iVBOR" in server.bodies[0]
