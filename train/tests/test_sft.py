"""Supervised fine-tuning: the tokens of inference, one step of each kind, resumed as uninterrupted, and bad input."""

import errno
import json
from dataclasses import replace
from functools import partial

import pytest
import tiny_runs
import torch
from hypothesis import given
from hypothesis import strategies as st
from rag_reasoner_train.chains.build import build_chains
from rag_reasoner_train.chains.rules import chain_by_rule
from rag_reasoner_train.errors import NotWritten
from rag_reasoner_train.examples import listwise_examples, pointwise_examples
from rag_reasoner_train.examples.near import nearness_by_id
from rag_reasoner_train.learner import load_learner
from rag_reasoner_train.learner.checkpoints import WHOLE, last_checkpoint, saved_whole
from rag_reasoner_train.learner.compiled import _compile_llama
from rag_reasoner_train.stages import contrastive, dev
from rag_reasoner_train.stages.completion import Completion
from rag_reasoner_train.stages.encoding import Desk
from rag_reasoner_train.stages.faults import NotANumber
from rag_reasoner_train.stages.joint import Joint
from rag_reasoner_train.stages.sft import sft
from rag_reasoner_train.stages.together import by_documents, tokens, tokens_in_trees
from small_rows import HOSTILE

from rag_reasoner.backends.local.judge import answers_of
from rag_reasoner.errors import InvalidInput
from rag_reasoner.types import Document

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    return load_learner(tiny_runs.run_of(tmp_path_factory.mktemp("learner"), "sft").settings)


@given(st.lists(st.sampled_from((*HOSTILE, "basalt", "in 1962")), min_size=1, max_size=6).map(" ".join))
def test_the_training_prompts_ids_are_those_that_inference_reads(learner, text):
    from rag_reasoner.backends.local.prompts import Desk as InferenceDesk

    row = tiny_runs.toy_row(0)
    row = replace(row, candidates=(Document("x", text), *row.candidates), relevant={"x": 1.0})
    desk, inference = Desk(learner), InferenceDesk(learner.loaded, load_image=None)
    for example in (*pointwise_examples([row]), *listwise_examples([row], tasks=["rank_and_answer"])):
        planned = inference.plan(0, example.task)
        assert desk.prompt(example).ids == inference.ready(planned).prompt.ids
        assert learner.loaded.encoder.special_ids.isdisjoint(learner.loaded.encoder.text_ids(text))


def test_the_reply_is_learned_with_the_token_that_ends_it(learner):
    (example, *_) = pointwise_examples([tiny_runs.toy_row(0)])
    exchange = Desk(learner).exchange(example)
    assert learner.loaded.encoder.tokenizer.decode(exchange.reply) == f"{example.target}<|im_end|>"


def chained(tmp_path, rows=4):
    """A data folder with chains by rule."""
    folder = tiny_runs.write_rows(tmp_path / "data", [tiny_runs.toy_row(number) for number in range(rows)])
    build_chains(folder, folder, "train")
    return folder


@pytest.mark.parametrize("kind", ["language", "qwen2_5_vl"])
@pytest.mark.parametrize("objective", ["contrastive", "completion"])
def test_one_step_of_each_objective(objective, kind, tmp_path):
    tasks = ["relevance"] if kind != "language" else ["relevance", "rank", "rank_and_answer"]
    if kind == "language":
        chained(tmp_path)
    sft(tiny_runs.run_of(tmp_path, "sft", kind=kind, rows=4, objective=objective, tasks=tasks, max_steps=1))
    (line,) = [one for one in tiny_runs.history(tmp_path / "sft") if "loss" in one]
    assert 0 < line["loss"] < 20
    assert line["tokens_per_second"] > 0


def joint_run(tmp_path, **options):
    """Rows to be judged, and the chains of other rows to be written."""
    lists = chained(tmp_path / "lists")
    tasks = ["rank", "rank_and_answer"]
    return tiny_runs.run_of(tmp_path, "sft", rows=4, objective="joint", lists=[str(lists)], tasks=tasks, **options)


def test_a_joint_run_learns_to_judge_and_to_write_in_the_same_steps(tmp_path):
    sft(joint_run(tmp_path, tokens_per_batch=100_000, num_train_epochs=60))
    lines = [one for one in tiny_runs.history(tmp_path / "sft") if "loss" in one]
    assert lines[-1]["hit@1"] > 0.7
    assert lines[-1]["reply_loss"] < 0.5 * lines[0]["reply_loss"]


def test_a_joint_loss_is_the_mean_over_rows_and_replies_of_what_each_objective_says(tmp_path):
    run = joint_run(tmp_path)
    learner = load_learner(run.settings)
    desk = Desk(learner)
    judging, writing = contrastive.Contrastive(learner, desk, 0.5), Completion(learner, desk)
    rows = dev.rows_of(desk.sized(pointwise_examples([tiny_runs.toy_row(n) for n in range(2)]), reply=1))
    row, chain = tiny_runs.toy_row(2), chain_by_rule(tiny_runs.toy_row(2))
    replies = [(one,) for one in desk.sized(listwise_examples([row], {row.id: chain}))]
    both = Joint(judging, writing)(learner.model, [replies[0], *rows, replies[1]])
    alone = [writing(learner.model, [one]) for one in replies]
    expected = float(judging(learner.model, rows).loss) + sum(float(one.loss) / one.items for one in alone)
    assert float(both.loss) == pytest.approx(expected, rel=1e-4)
    assert both.items == 4


def test_replies_about_the_same_documents_are_computed_together_and_rows_as_they_are(learner):
    desk = Desk(learner)
    rows = [replace(tiny_runs.toy_row(number), id=f"r{number}/{again}") for again in range(2) for number in range(2)]
    asked = [replace(row, question=f"{row.question} {number}") for number, row in enumerate(rows)]
    chains = {row.id: replace(chain_by_rule(row), row_id=row.id) for row in asked}
    replies = [(one,) for one in desk.sized(listwise_examples(asked, chains, tasks=["answer"], order="given"))]
    judged = dev.rows_of(desk.sized(pointwise_examples(rows), reply=1))
    units = by_documents(desk, [*replies, *judged], 10_000)
    assert [[one.example.group for one in unit] for unit in units[:2]] == [["r0/0", "r0/1"], ["r1/0", "r1/1"]]
    assert units[2:] == judged
    once, twice = tokens_in_trees(desk, units[0][:1]), tokens_in_trees(desk, units[0])
    assert once < twice < tokens(units[0])
    assert tokens_in_trees(desk, judged[0]) == tokens(judged[0])
    for most in (once - 1, once, twice - 1):
        assert by_documents(desk, [*replies[:1], *replies[2:3]], most) == [*replies[:1], *replies[2:3]]
        assert by_documents(desk, judged, most) == judged


@pytest.mark.parametrize("options", [{"objective": "joint"}, {"objective": "contrastive", "lists": ["somewhere"]}])
def test_lists_and_the_joint_objective_come_together_or_not_at_all(tmp_path, options):
    with pytest.raises(InvalidInput, match="joint needs `lists`"):
        sft(tiny_runs.run_of(tmp_path, "sft", rows=4, max_steps=1, **options))


def test_with_one_task_each_row_is_asked_one_by_lot():
    rows = [tiny_runs.toy_row(number) for number in range(40)]
    asked = list(listwise_examples(rows, tasks=["rank", "rank_and_answer"], one_task=True))
    assert [one.group for one in asked] == [row.id for row in rows]
    assert {type(one.task).__name__ for one in asked} == {"RankTask", "RankAndAnswerTask"}
    assert asked == list(listwise_examples(rows, tasks=["rank", "rank_and_answer"], one_task=True))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_compiled_layers_give_the_numbers_of_plain_ones(tmp_path, precision, monkeypatch):
    from transformers.models.llama import modeling_llama as llama

    for holder, name in ((llama.LlamaRMSNorm, "forward"), (llama, "apply_rotary_pos_emb"), (llama.LlamaMLP, "forward")):
        monkeypatch.setattr(holder, name, getattr(holder, name))
    options = {"rows": 4, "max_steps": 3, "precision": precision}
    losses = []
    for compiled in (False, True):
        run = tiny_runs.run_of(tmp_path / str(compiled), "sft", compiled=compiled, **options)
        sft(run)
        losses.append([one["loss"] for one in tiny_runs.history(tmp_path / str(compiled) / "sft") if "loss" in one])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4 if precision == "float32" else 0.05)
    _compile_llama.cache_clear()


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_resumed_equals_uninterrupted(tuning, tmp_path):
    options = {"rows": 6, "tokens_per_batch": 300, "save_steps": 3, "max_steps": 6, "tuning": tuning}
    sft(tiny_runs.run_of(tmp_path / "whole", "sft", **options))
    sft(tiny_runs.run_of(tmp_path / "half", "sft", **{**options, "max_steps": 3}))
    sft(tiny_runs.run_of(tmp_path / "half", "sft", **options), resume=True)
    assert weights_of(tmp_path / "half" / "sft") == weights_of(tmp_path / "whole" / "sft")


def test_a_checkpoint_of_several_processes_is_whole_when_all_have_written_and_only_then(tmp_path):
    folder = tmp_path / "checkpoint-5"
    folder.mkdir()
    with saved_whole(tmp_path, 5, {}, first=False):
        (folder / "rng_state_1.pth").touch()
    assert last_checkpoint(tmp_path) is None

    def others_write():
        assert last_checkpoint(tmp_path) is None
        (folder / "rng_state_2.pth").touch()

    with saved_whole(tmp_path, 5, {}, wait=others_write):
        (folder / "adapter_config.json").touch()
    assert last_checkpoint(tmp_path) == folder
    assert {one.name for one in folder.iterdir()} >= {"rng_state_1.pth", "rng_state_2.pth", "card.json", WHOLE}


def test_the_dev_set_is_measured_while_it_trains(tmp_path):
    tiny_runs.write_rows(tmp_path / "data", [tiny_runs.toy_row(n) for n in range(8)])
    tiny_runs.write_rows(tmp_path / "data", [tiny_runs.toy_row(n) for n in range(8, 12)], "dev")
    sft(tiny_runs.run_of(tmp_path, "sft", dev_rows=4, eval_steps=8, num_train_epochs=2))
    measured = [line for line in tiny_runs.history(tmp_path / "sft") if "eval_loss" in line]
    assert measured[-1]["eval_hit@1"] > 0.5
    assert measured[-1]["eval_loss"] < 1.0


def test_the_loss_of_the_dev_set_is_told_by_the_look_that_judges_it(tmp_path, monkeypatch):
    run = tiny_runs.run_of(tmp_path, "sft", rows=4)
    learner = load_learner(run.settings)
    desk = Desk(learner)
    examples_ = [one for number in range(4) for one in pointwise_examples([tiny_runs.toy_row(number)])]
    units = dev.rows_of(desk.sized(examples_, reply=1))
    objective = contrastive.Contrastive(learner, desk, 0.5)
    expected = dev.mean_loss(learner.model, learner, objective, units, 600)
    looked = []
    judge = dev.judge
    monkeypatch.setattr(dev, "judge", lambda *given: looked.append(given) or judge(*given))
    monkeypatch.setattr(dev, "mean_loss", None)
    assert objective.figures(learner.model, units, 600)["loss"] == pytest.approx(expected, rel=1e-5)
    assert len(looked) == 1


def test_a_run_that_goes_on_from_an_adapter_tells_that_adapters_size(tmp_path):
    sft(tiny_runs.run_of(tmp_path, "sft", max_steps=1, lora_rank=3, lora_alpha=5))
    start = str(tmp_path / "sft")
    sft(tiny_runs.run_of(tmp_path, "sft", max_steps=1, start=start, out=str(tmp_path / "more")))
    told = json.loads((tmp_path / "more" / "run.json").read_text())["settings"]
    assert (told["lora_rank"], told["lora_alpha"]) == (3, 5)


def test_in_mixed_precision_an_adapter_learns_and_is_measured_alike(tmp_path):
    run = tiny_runs.run_of(tmp_path, "sft", rows=4, precision="bfloat16")
    learner = load_learner(run.settings)
    desk = Desk(learner)
    units = dev.rows_of(desk.sized(pointwise_examples([tiny_runs.toy_row(0), tiny_runs.toy_row(1)]), reply=1))
    objective = contrastive.Contrastive(learner, desk, 0.5)
    adapters = [one for one in learner.model.modules() if hasattr(one, "cast_input_dtype_enabled")]
    assert adapters
    assert not any(one.cast_input_dtype_enabled for one in adapters)
    told = []
    for cast in (True, False):
        for module in adapters:
            module.cast_input_dtype_enabled = cast
        learner.model.zero_grad()
        with learner.computing():
            loss = objective(learner.model, units).loss
        loss.backward()
        told.append([float(loss), *(one.grad.tolist() for one in learner.model.parameters() if one.requires_grad)])
    assert told[0] == told[1]
    assert dev.mean_loss(learner.model, learner, objective, units, 600) == pytest.approx(told[0][0] / 2, rel=1e-6)


def test_the_contrastive_loss_is_its_formula():
    import math

    margin, relevant = torch.tensor([2.0, 1.0, -1.0]), torch.tensor([True, True, False])
    sigmoid = [1 / (1 + math.exp(-value)) for value in margin.tolist()]
    against = [-math.log(math.exp(s) / (math.exp(s) + math.exp(-1.0))) for s in (2.0, 1.0)]
    alone = -(math.log(sigmoid[0]) + math.log(sigmoid[1]) + math.log(1 - sigmoid[2])) / 3
    assert float(contrastive.row_loss(margin, relevant, 0.5)) == pytest.approx(sum(against) / 2 + 0.5 * alone, rel=1e-6)
    nothing = torch.zeros(3, dtype=torch.bool)
    assert float(contrastive.row_loss(margin, nothing, 0.5)) == pytest.approx(
        -0.5 * sum(math.log(1 - s) for s in sigmoid) / 3, rel=1e-6
    )


def test_a_prompt_longer_than_the_context_is_named(tmp_path):
    row = tiny_runs.toy_row(0)
    row = replace(row, candidates=(Document("long", "museum " * 3000), *row.candidates))
    tiny_runs.write_rows(tmp_path / "data", [row])
    with pytest.raises(InvalidInput, match=r"'row0/relevance/long': its prompt takes \d+ tokens.*context is 2048"):
        sft(tiny_runs.run_of(tmp_path, "sft"))


def test_a_loss_that_is_no_number_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(contrastive, "row_loss", lambda margin, *_: margin.sum() * torch.tensor(float("nan")))
    with pytest.raises(NotANumber, match=r"the loss is nan at step 1, examples 'row"):
        sft(tiny_runs.run_of(tmp_path, "sft", max_steps=2))
    assert last_checkpoint(tmp_path / "sft") is None


def test_a_full_disk_is_told_and_leaves_no_half_checkpoint(tmp_path, monkeypatch):
    from transformers import Trainer

    def full(self, output_dir, *_):
        (tmp_path / "sft" / f"checkpoint-{self.state.global_step}").mkdir(parents=True, exist_ok=True)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Trainer, "_save_optimizer_and_scheduler", full)
    with pytest.raises(NotWritten, match=r"No space left on device.*there is none before it"):
        sft(tiny_runs.run_of(tmp_path, "sft", max_steps=1))
    assert not list((tmp_path / "sft").glob("checkpoint-*"))


def test_a_half_written_checkpoint_is_not_resumed_from(tmp_path):
    for step, whole in ((2, True), (4, False)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if whole:
            (folder / WHOLE).touch()
    assert last_checkpoint(tmp_path).name == "checkpoint-2"


def test_a_run_is_neither_overwritten_nor_resumed_by_accident(tmp_path):
    with pytest.raises(InvalidInput, match="no whole checkpoint"):
        sft(tiny_runs.run_of(tmp_path, "sft", max_steps=1), resume=True)
    sft(tiny_runs.run_of(tmp_path, "sft", max_steps=1))
    with pytest.raises(InvalidInput, match="give --resume"):
        sft(tiny_runs.run_of(tmp_path, "sft", max_steps=1))


def test_a_run_tells_what_it_was(tmp_path):
    sft(tiny_runs.run_of(tmp_path, "sft", max_steps=1))
    told = json.loads((tmp_path / "sft" / "run.json").read_text())
    assert told["stage"] == "sft"
    assert told["handed_on"]["max_steps"] == 1
    assert len(told["card"]["base_hash"]) == 64


def weights_of(out):
    from safetensors.torch import load_file

    (file,) = [path for path in last_checkpoint(out).glob("*model.safetensors")]
    return {name: one.tolist() for name, one in load_file(file).items()}


def test_what_words_tell_is_added_to_the_margins_that_are_learned(tmp_path):
    rows = [replace(tiny_runs.toy_row(n), question=f"When? {tiny_runs.toy_row(n).candidates[0].text}") for n in (0, 1)]
    run = tiny_runs.run_of(tmp_path, "sft")
    learner = load_learner(run.settings)
    desk = Desk(learner)
    units = dev.rows_of(desk.sized(pointwise_examples(rows), reply=1))
    near = nearness_by_id(rows)
    assert max(near.values()) == 1.0 > min(near.values())
    plain = contrastive.Contrastive(learner, desk, 0.5)
    counted = contrastive.Contrastive(learner, desk, 0.5, {name: 3.0 * share for name, share in near.items()})
    judged = dev.judge(learner.model, learner, desk, [one for unit in units for one in unit], 600)
    margin = torch.tensor([one.margin + 3.0 * near[one.example.id] for one in judged]).split([len(u) for u in units])
    labels = [torch.tensor([contrastive.label_of(one.example) for one in unit]) for unit in units]
    expected = sum(float(contrastive.row_loss(*pair, 0.5)) for pair in zip(margin, labels, strict=True))
    assert float(counted(learner.model, units).loss) == pytest.approx(expected, rel=1e-4)
    assert counted.figures(learner.model, units, 600)["loss"] == pytest.approx(expected / 2, rel=1e-4)
    assert float(plain(learner.model, units).loss) != pytest.approx(expected, rel=1e-4)


def test_that_yes_or_no_is_what_the_model_says_is_learned_beside(tmp_path):
    sft(tiny_runs.run_of(tmp_path, "sft", objective="contrastive", spoken=1.0, num_train_epochs=20))
    sft(tiny_runs.run_of(tmp_path, "sft", objective="contrastive", num_train_epochs=20, out=str(tmp_path / "apart")))
    with_it, without = (last_unsaid(tmp_path / name) for name in ("sft", "apart"))
    assert with_it < 0.5 < 1.0 < without


def last_unsaid(out):
    return [one["unsaid"] for one in tiny_runs.history(out) if "unsaid" in one][-1]


def test_what_is_neither_yes_nor_no_counts_as_the_replies_own_loss_would(tmp_path):
    run = tiny_runs.run_of(tmp_path, "sft")
    learner = load_learner(run.settings)
    desk = Desk(learner)
    units = dev.rows_of(desk.sized(pointwise_examples([tiny_runs.toy_row(0), tiny_runs.toy_row(1)]), reply=1))
    plain, counted = (contrastive.Contrastive(learner, desk, 0.5, spoken=weight) for weight in (0.0, 2.0))
    added = float(counted(learner.model, units).loss) - float(plain(learner.model, units).loss)
    expected = sum(2.0 * unsaid_alone(learner, desk, unit) for unit in units)
    assert added == pytest.approx(expected, rel=1e-4)
    loss = counted.figures(learner.model, units, 600)["loss"]
    assert loss == pytest.approx(dev.mean_loss(learner.model, learner, counted, units, 600), rel=1e-4)


def unsaid_alone(learner, desk, unit):
    """The mean of -log(P(yes) + P(no)) of a row, each prompt read by itself and by the library's own head."""
    answers = answers_of(learner.loaded.encoder)
    found = []
    for one in unit:
        ids = torch.tensor([desk.prompt(one.example).ids + answers.shared])
        with torch.no_grad():
            spread = learner.model.eval()(input_ids=ids).logits[0, -1].float().softmax(-1)
        found.append(-float((spread[answers.yes] + spread[answers.no]).log()))
    return sum(found) / len(found)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_adapter_in_one_pass_gives_pefts_numbers_and_gradients(precision, tmp_path):
    learner = load_learner(tiny_runs.run_of(tmp_path, "sft", rows=4, precision=precision, lora_rank=3).settings)
    layers = [one for one in learner.model.modules() if isinstance(getattr(one, "forward", None), partial)]
    assert len(layers) == sum(name.endswith("lora_A.default") for name, _ in learner.model.named_modules())
    close = {"float32": 1e-5, "bfloat16": 1e-2}[precision]
    for layer in layers:
        torch.nn.init.normal_(layer.lora_B["default"].weight)
        learned = [layer.lora_A["default"].weight, layer.lora_B["default"].weight]
        told = []
        for forward in (layer.forward, layer.forward.args[1]):
            x = torch.randn(2, 5, layer.in_features, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
            with learner.computing():
                found = forward(x.to(layer.base_layer.weight.dtype))
            told.append((found, *torch.autograd.grad(found.float().square().mean(), [x, *learned])))
        for ours, pefts in zip(*told, strict=True):
            assert float((ours - pefts).float().norm()) <= close * float(pefts.float().norm())


def test_a_switched_off_adapter_leaves_the_base(tmp_path):
    learner = load_learner(tiny_runs.run_of(tmp_path, "sft", rows=4).settings)
    layer = next(one for one in learner.model.modules() if isinstance(getattr(one, "forward", None), partial))
    torch.nn.init.normal_(layer.lora_B["default"].weight)
    x = torch.randn(3, layer.in_features)
    with learner.model.disable_adapter():
        torch.testing.assert_close(layer(x), layer.base_layer(x))
    assert not torch.allclose(layer(x), layer.base_layer(x))
