"""What a run has learned is loaded by the library, whole or not at all."""

import json
from dataclasses import replace
from importlib import import_module

import pytest
import tiny_runs
import torch
from rag_reasoner_train.chains.build import build_chains
from rag_reasoner_train.exporting import Wanted, export
from rag_reasoner_train.learner.checkpoints import last_checkpoint
from rag_reasoner_train.stages.sft import sft

from rag_reasoner import ReasoningReranker
from rag_reasoner.backends.transformers_local import TransformersLocal
from rag_reasoner.errors import AdapterRefused, InvalidInput
from rag_reasoner.models.calibration import logit
from rag_reasoner.models.lists import Lists
from rag_reasoner.retrieve.lexical import LexicalRetriever
from rag_reasoner.stages.near import nearness
from rag_reasoner.tasks import RelevanceTask, show
from rag_reasoner.types import Candidate

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that has learned the toy task, and its data folder."""
    folder = tmp_path_factory.mktemp("trained")
    rows = [tiny_runs.toy_row(number) for number in range(12)]
    for split in ("train", "dev"):
        tiny_runs.write_rows(folder / "data", rows, split)
    return sft(tiny_runs.run_of(folder, "sft", rows=8, num_train_epochs=6)), folder / "data"


def toys(count):
    return [tiny_runs.toy_row(number) for number in range(count)]


def judged(folder, row):
    tasks = [RelevanceTask(row.question, show(Candidate(document))) for document in row.candidates]
    return [one.probability for one in TransformersLocal(folder, dtype="float32", device="cpu").judge(tasks)]


@pytest.mark.parametrize("merged", [False, True])
def test_an_export_judges_as_the_trained_model_did(merged, trained, tmp_path):
    run, _ = trained
    export(run, tmp_path / "model", Wanted(merged=merged, dtype="float32"))
    row = tiny_runs.toy_row(1)
    found = judged(tmp_path / "model", row)
    assert found == pytest.approx(judged(last_checkpoint(run), row), abs=1e-4)
    assert max(range(3), key=found.__getitem__) == 1
    ranked = ReasoningReranker(model=tmp_path / "model").rerank(row.question, row.candidates).ranked
    assert len(ranked) == 3


def test_how_lists_were_learned_travels_with_the_export(tmp_path):
    run = tiny_runs.run_of(tmp_path, "sft", rows=4, max_steps=1, document_tokens=40)
    export(sft(run), tmp_path / "model", Wanted(list_size=2, held=True, passages=3))
    backend = TransformersLocal(tmp_path / "model", device="cpu")
    assert backend.card.lists == Lists(2, 40, held=True, passages=3)
    assert backend.together.replies == 1


def test_lists_that_are_not_good_enough_can_be_left_out_of_an_export(tmp_path):
    data = tiny_runs.write_rows(tmp_path / "lists", toys(4))
    build_chains(data, data, "train")
    run = tiny_runs.run_of(tmp_path, "sft", rows=4, max_steps=1, objective="joint", lists=[str(data)], tasks=["rank"])
    sft(run)
    for wanted in (Wanted(), Wanted(judges_only=True)):
        export(tmp_path / "sft", tmp_path / str(wanted.judges_only), wanted)
    assert not TransformersLocal(tmp_path / "False", device="cpu").card.judges_only
    assert TransformersLocal(tmp_path / "True", device="cpu").card.judges_only


def test_a_list_size_is_refused_where_the_run_did_not_fix_how_much_is_shown(trained, tmp_path):
    with pytest.raises(InvalidInput, match="document_tokens"):
        export(trained[0], tmp_path / "model", Wanted(list_size=2))


@pytest.mark.parametrize("merged", [False, True])
def test_calibration_travels_with_the_export(merged, trained, tmp_path):
    run, data = trained
    wanted = Wanted(merged=merged, dtype="float32", calibrate=(data,), rows=12, method="isotonic")
    measured = export(run, tmp_path / "model", wanted)
    assert measured.pairs == 36
    assert 0 <= measured.after <= 1
    assert TransformersLocal(tmp_path / "model", device="cpu").card.calibrated
    assert f"{measured.before:.3f} before" in (tmp_path / "model" / "README.md").read_text()


def test_words_are_fitted_beside_the_judge_and_count_where_all_candidates_are_known(trained, tmp_path):
    run, _ = trained
    rows = [replace(row, question=f"When? {row.candidates[number % 2].text}") for number, row in enumerate(toys(12))]
    tiny_runs.write_rows(tmp_path / "data", rows, "dev")
    export(run, tmp_path / "model", Wanted(dtype="float32", calibrate=(tmp_path / "data",), rows=12, among=True))
    backend = TransformersLocal(tmp_path / "model", dtype="float32", device="cpu")
    fit = json.loads((tmp_path / "model" / "card.json").read_text())["calibration"]["platt"]
    among = backend.card.among
    assert (among.nearness, among.together) == (fit["nearness"], fit["together"])
    assert among.nearness != 0.0 != among.together
    row = rows[1]
    alone = judged(tmp_path / "model", row)
    retrieved = LexicalRetriever(row.candidates).retrieve(row.question, 3, fill=True)
    near = dict(zip([one.document.id for one in retrieved], nearness(row.question, retrieved), strict=True))
    assert len(set(near.values())) > 1
    result = ReasoningReranker(backend, stages=("filter",), keep="all").rerank(row.question, retrieved)
    found = {one.candidate.document.id: one.probability for one in result.ranked}
    together = fit["together"] * sum(logit(p) - fit["typical"] for p in alone) / (len(alone) + 4)
    for document, p in zip(row.candidates, alone, strict=True):
        expected = logit(p) + fit["nearness"] * near[document.id] + together
        assert logit(found[document.id]) == pytest.approx(expected, abs=1e-3)


def test_a_run_that_learned_to_judge_only_says_so_until_lists_are_learned_on_top(trained, tmp_path):
    run, _ = trained
    export(run, tmp_path / "model")
    assert TransformersLocal(tmp_path / "model", device="cpu").card.judges_only
    rows = [tiny_runs.toy_row(number) for number in range(4)]
    tiny_runs.write_rows(tmp_path / "data", rows)
    build_chains(tmp_path / "data", tmp_path / "data", "train")
    lists = {"objective": "completion", "tasks": ["rank"], "max_steps": 1, "start": str(run)}
    more = sft(tiny_runs.run_of(tmp_path, "sft", out=str(tmp_path / "more"), **lists))
    export(more, tmp_path / "lists")
    assert not TransformersLocal(tmp_path / "lists", device="cpu").card.judges_only
    again = tiny_runs.run_of(tmp_path, "sft", out=str(tmp_path / "again"), max_steps=1, start=str(more))
    export(sft(again), tmp_path / "judge")
    assert not TransformersLocal(tmp_path / "judge", device="cpu").card.judges_only


def test_an_adapter_on_another_base_is_refused(trained, tmp_path):
    run, _ = trained
    export(run, tmp_path / "model")
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    (tmp_path / "model" / "card.json").write_text(json.dumps({**card, "base_hash": "0" * 64}))
    with pytest.raises(AdapterRefused):
        TransformersLocal(tmp_path / "model")


def test_an_export_is_whole_or_not_there(trained, tmp_path, monkeypatch):
    from rag_reasoner_train.errors import NotWritten
    from rag_reasoner_train.exporting import export as module_of

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    run, _ = trained
    monkeypatch.setattr(import_module("rag_reasoner_train.exporting.export"), "model_card", full)
    with pytest.raises(NotWritten, match="No space left on device"):
        module_of(run, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten_and_what_is_no_run_is_told(trained, tmp_path):
    run, _ = trained
    with pytest.raises(InvalidInput, match="there already"):
        export(run, tmp_path)
    with pytest.raises(InvalidInput, match="no whole checkpoint"):
        export(tmp_path, tmp_path / "model")


def test_weights_are_stored_as_wanted_and_name_no_folder_of_this_machine(trained, tmp_path):
    from safetensors.torch import load_file

    run, _ = trained
    export(run, tmp_path / "model", Wanted(dtype="bfloat16"))
    tensors = load_file(tmp_path / "model" / "adapter_model.safetensors")
    assert {one.dtype for one in tensors.values()} == {torch.bfloat16}
    assert str(tmp_path) not in (tmp_path / "model" / "README.md").read_text()
