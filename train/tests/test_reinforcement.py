"""Each stage of reinforcement raises its reward on a toy task, and does not when rewards are dealt out at random."""

import json
import math
import re
from dataclasses import replace
from itertools import chain
from random import Random
from statistics import mean

import pytest
import tiny_runs
from rag_reasoner_train.examples import pointwise_examples
from rag_reasoner_train.learner.checkpoints import last_checkpoint
from rag_reasoner_train.stages import calibrating, dev, group, scoring
from rag_reasoner_train.stages.faults import NotANumber, RewardFailed
from rag_reasoner_train.stages.listwise import listwise
from rag_reasoner_train.stages.pointwise import _note, pointwise
from rag_reasoner_train.stages.sft import sft
from rag_reasoner_train.stages.silence import silence

from rag_reasoner.errors import InvalidInput
from rag_reasoner.models.calibration import logit

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

RUNS = {"pointwise": pointwise, "listwise": listwise}


@pytest.fixture(scope="module")
def guesses(tmp_path_factory):
    """A model that says yes or no, and knows nothing: of each document it was taught as often the one as the other."""
    folder = tmp_path_factory.mktemp("guesses")
    rows = []
    for number in range(16):
        row = tiny_runs.toy_row(number % 8)
        relevant = {one.id: 1.0 for place, one in enumerate(row.candidates) if (place + number // 8) % 2}
        rows.append(replace(row, id=f"row{number}", relevant=relevant))
    tiny_runs.write_rows(folder / "data", rows)
    taught = {"objective": "completion", "tasks": ["relevance"], "num_train_epochs": 8, "tuning": "full"}
    return last_checkpoint(sft(tiny_runs.run_of(folder, "sft", **taught)))


TOYS = {
    "pointwise": {"pairs": 16, "num_generations": 8, "per_device_train_batch_size": 64, "max_steps": 25},
    "listwise": {
        "weights": {"rank_ndcg": 1.0},
        "max_completion_length": 4,
        "num_generations": 8,
        "max_steps": 30,
        "per_device_train_batch_size": 64,
    },
}


def is_first_relevant(name, example, task, text):
    """A reward that a tiny model can learn in seconds: "yes" where the first document is relevant, else "no"."""
    return float(text == ("yes" if 0 in example.truth.relevant else "no"))


def raised(tmp_path, guesses, stage, *, dealt_out):
    """By how much the reward rose."""
    toy = {**TOYS[stage], "base": str(guesses), "tuning": "full", "learning_rate": 5e-4, "beta": 0.0, "patience": 0}
    toy |= {"shuffle_rewards": dealt_out}
    RUNS[stage](tiny_runs.run_of(tmp_path, stage, **toy))
    rewards = [line["reward"] for line in tiny_runs.history(tmp_path / stage) if "reward" in line]
    return mean(rewards[-6:]) - mean(rewards[:3])


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["pointwise", "listwise"])
def test_a_stage_raises_its_reward_and_not_when_rewards_are_shuffled(stage, tmp_path, guesses, monkeypatch):
    monkeypatch.setattr(scoring, "_listwise", is_first_relevant)
    rose = raised(tmp_path / "true", guesses, stage, dealt_out=False)
    control = raised(tmp_path / "control", guesses, stage, dealt_out=True)
    assert rose > 0.2
    assert control < rose / 2


@pytest.mark.parametrize("kind", ["language", "qwen2_5_vl"])
@pytest.mark.parametrize("stage", ["pointwise", "listwise"])
def test_one_step_is_made_with_kl_and_leaves_samples(stage, kind, tmp_path):
    run = tiny_runs.run_of(tmp_path, stage, kind=kind, rows=4, max_steps=1, beta=0.1, samples_every=1)
    assert RUNS[stage](run) is None
    (line,) = [one for one in tiny_runs.history(tmp_path / stage) if "reward" in one]
    assert line["kl"] == pytest.approx(0.0, abs=1e-4)
    samples = [json.loads(text) for text in (tmp_path / stage / "samples" / "step-00001.jsonl").open()]
    assert len(samples) == 8
    assert {"id", "reply", "rewards", "advantage"} == samples[0].keys()
    assert (last_checkpoint(tmp_path / stage) / "adapter_model.safetensors").is_file()
    assert (tmp_path / stage / "curves.png").is_file()


def test_every_component_is_logged_on_its_own_and_one_that_does_not_apply_is_not_0(tmp_path):
    weights = {"form": 1.0, "rank_ndcg": 1.0, "answer_f1": 1.0}
    listwise(tiny_runs.run_of(tmp_path, "listwise", rows=4, max_steps=1, weights=weights, samples_every=1))
    (sample, *_) = [json.loads(text) for text in (tmp_path / "listwise" / "samples" / "step-00001.jsonl").open()]
    assert sample["rewards"] == {"total": 0.0, "form": 0.0, "rank_ndcg": 0.0, "answer_f1": None}
    (line,) = [one for one in tiny_runs.history(tmp_path / "listwise") if "reward" in one]
    assert line["rewards/answer_f1/mean"] is None
    assert line["rewards/form/mean"] == 0.0


def test_a_reward_that_raises_stops_the_run_and_names_row_and_reward(tmp_path, monkeypatch):
    def broken(task, reply, truth):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(scoring, "LISTWISE", {**scoring.LISTWISE, "form": broken})
    with pytest.raises(
        RewardFailed, match=r"'form' failed on example 'row\d/rank/0' \(row 'row\d'\).*division by zero"
    ):
        listwise(tiny_runs.run_of(tmp_path, "listwise", rows=4, max_steps=1, weights={"form": 1.0}))
    assert last_checkpoint(tmp_path / "listwise") is None


def test_a_run_whose_rewards_no_longer_differ_ends_and_says_so(tmp_path):
    ended = pointwise(tiny_runs.run_of(tmp_path, "pointwise", rows=4, max_steps=30, patience=2, temperature=1e-4))
    step = int(re.match(r"stopped at step (\d+)", ended)[1])
    assert step < 30
    assert "were all the same" in ended
    assert last_checkpoint(tmp_path / "pointwise").name == f"checkpoint-{step}"


def test_steps_that_learn_once_more_from_the_same_replies_do_not_wear_patience_out(tmp_path):
    toy = {"patience": 2, "temperature": 1e-4, "num_iterations": 2, "max_steps": 12}
    ended = pointwise(tiny_runs.run_of(tmp_path, "pointwise", rows=4, **toy))
    assert ended.startswith("stopped at step ")


def test_each_part_of_a_reward_is_worked_out_for_the_total_and_for_its_own_figure(tmp_path, monkeypatch):
    calls = []

    def counted(task, reply, truth):
        calls.append(task)
        return 1.0

    monkeypatch.setattr(scoring, "LISTWISE", dict.fromkeys(("form", "rank_ndcg", "evidence"), counted))
    weights = {"form": 1.0, "rank_ndcg": 1.0, "evidence": 1.0}
    listwise(tiny_runs.run_of(tmp_path, "listwise", rows=4, max_steps=1, weights=weights))
    assert len(calls) == 8 * 3 * 2


def judged(*pairs):
    """Judgements of as many questions: of each the margin of its document and whether that is relevant."""
    (example, *_) = pointwise_examples([tiny_runs.toy_row(0)])
    return [
        dev.Judged(replace(example, id=str(n), group=str(n), relevant=relevant), margin)
        for n, (margin, relevant) in enumerate(pairs)
    ]


def test_the_line_below_which_the_filter_drops_keeps_the_share_of_the_relevant_that_was_asked_for():
    told = judged(*((-n / 40, False) for n in range(240)), *((n / 10 - 3.0, True) for n in range(40)))
    for kept in (0.5, 0.9, 1.0):
        found = calibrating.measure(told, "platt", kept=kept)
        relevant = sorted(found.calibration(one.probability) for one in told if one.example.relevant)
        lost = sum(p < found.drop_below for p in relevant)
        assert lost <= (1 - kept) * len(relevant)
        assert found.drop_below == min(relevant[lost], 0.1)
        assert found.drop_below < 0.1 or kept < 0.9
        below = [found.calibration(one.probability) < found.drop_below for one in told if not one.example.relevant]
        assert found.dropped == pytest.approx(sum(below) / len(below))


def questions_of(count, judged_of):
    """The judgements of `count` questions; `judged_of` a number: of each candidate its margin and whether relevant."""
    return [[replace_group(one, n) for one in judged(*judged_of(n))] for n in range(count)]


def drawn(n, lift=2.0):
    """A relevant candidate and five others, whose margins overlap."""
    chance = Random(n)
    return ((chance.gauss(lift, 2.0), True), *((chance.gauss(-2.0, 1.5), False) for _ in range(5)))


@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.parametrize(("answered", "capped"), [(0.6, True), (0.9, False), (1.0, False)])
def test_the_line_below_which_the_documents_do_not_say_lets_the_share_through_that_was_asked_for(
    answered, capped, method
):
    questions = questions_of(60, drawn)
    found = calibrating.measure(list(chain(*questions)), method, answered=answered)
    silence, chances = found.silence, [[found.calibration(one.probability) for one in each] for each in questions]
    likely = sorted(map(silence.answerable, chances))
    below = sum(p < silence.abstain_below for p in likely)
    assert below <= (1 - answered) * len(likely)
    assert silence.abstain_below == (0.5 if capped else likely[int((1 - answered) * len(likely))])
    assert capped or silence.abstain_below < 0.5
    assert silence.noticed == sum(silence.answerable(bare) < silence.abstain_below for _, *bare in chances) / 60


def test_that_lookalikes_tell_little_is_learned_from_questions_without_their_relevant_candidates():
    """What is irrelevant to a question looks either unlikely throughout or likely throughout."""
    levels = (-6.0, -2.0)
    questions = questions_of(
        60, lambda n: ((levels[n % 2] + 2.0 + n % 3, True), *((levels[n % 2] + k / 5, False) for k in range(6)))
    )
    silence = calibrating.measure(list(chain(*questions)), "platt").silence
    assert silence.answerable.best > 0 > silence.answerable.others
    assert silence.noticed > 0.9


def test_a_question_that_a_filter_answers_for_a_likely_lookalike_does_not_count_as_noticed():
    """Of every tenth question seven others look as likely as what is relevant to the rest."""
    alike, plain = (0.95, *[0.6] * 7), (0.6, *[0.02] * 7)
    pools = [alike if n % 10 == 0 else plain for n in range(60)]
    questions = questions_of(60, lambda n: ((0.0, True), *[(0.0, False)] * 7))
    alone = list(chain(*pools))
    found = silence(list(chain(*questions)), alone, alone, answered=1.0)
    assert found.answerable(alike[1:]) < found.abstain_below <= 0.5
    assert found.noticed == 54 / 60


@pytest.mark.parametrize(
    "judged_of",
    [lambda n: drawn(n)[n % 2 :][:1], lambda n: drawn(n, lift=-5.0)],
    ids=["nothing left", "likelier others"],
)
def test_where_the_others_teach_nothing_the_likeliest_candidate_decides(judged_of):
    questions = questions_of(60, judged_of)
    found = calibrating.measure(list(chain(*questions)), "isotonic", answered=0.9)
    best = sorted(
        max(found.calibration(one.probability) for one in each) for each in questions if each[0].example.relevant
    )
    wanted = min(max(best[int((1 - 0.9) * len(best))], 1e-6), 0.5)
    assert (found.silence.answerable, found.silence.noticed) == (None, None)
    assert found.silence.as_value() == {"abstain_below": wanted}
    assert wanted < 0.5


def replace_group(one, group):
    """The judgement as one of question `group`."""
    return replace(one, example=replace(one.example, id=f"{group}/{one.example.id}", group=str(group)))


def test_where_candidates_tell_of_each_other_the_line_is_one_of_what_a_filter_that_knows_them_gives():
    questions, chance = questions_of(60, drawn), Random(7)
    near = {one.example.id: chance.random() for one in chain(*questions)}
    found = calibrating.measure(list(chain(*questions)), "platt", near, kept=0.97)
    among, given = found.calibration.among, []
    for each in questions:
        alone = [logit(found.calibration(one.probability)) for one in each]
        lifted = among.together * sum(z - among.typical for z in alone) / (len(alone) + 4)
        odds = [z + among.nearness * near[one.example.id] + lifted for z, one in zip(alone, each, strict=True)]
        given += [(1 / (1 + math.exp(-z)), one.example.relevant) for z, one in zip(odds, each, strict=True)]
    relevant = sorted(p for p, label in given if label)
    assert among.nearness != 0.0 != among.together
    line, others = relevant[int((1 - 0.97) * len(relevant))], [p for p, label in given if not label]
    assert line < 0.1
    assert found.drop_below == pytest.approx(line)
    assert found.dropped == pytest.approx(sum(p < line for p in others) / len(others))


def test_a_judge_that_is_wrong_way_round_is_measured_but_not_calibrated(tmp_path):
    wrong = judged(*((3.0 - n % 3, False) for n in range(20)), *((n % 3 - 3.0, True) for n in range(20)))
    with pytest.raises(InvalidInput, match=r"irrelevant first \(over 40 pairs"):
        calibrating.measure(wrong, "platt").usable()
    right = [replace(one, margin=-one.margin) for one in wrong]
    assert calibrating.measure(right, "platt").usable().calibration.a > 0
    settings = tiny_runs.run_of(tmp_path, "pointwise").settings
    _note(settings, "before", wrong)
    _note(settings, "after", right)
    told = json.loads((settings.out / "calibration.json").read_text())
    assert (told["before"]["fit"], told["before"]["ece_fitted"]) == (None, None)
    assert told["before"]["ece"] > 0.5
    assert told["after"]["fit"]["platt"]["a"] > 0


def test_a_loss_that_is_no_number_stops_the_run_and_names_step_and_examples(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(
        group.GRPOTrainer, "_compute_loss", lambda self, model, inputs: torch.tensor(float("nan"), requires_grad=True)
    )
    with pytest.raises(NotANumber, match=r"the loss is nan at step 1, examples 'row\d/rank/0'"):
        listwise(tiny_runs.run_of(tmp_path, "listwise", rows=4, max_steps=1))


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"forn": 1.0}, "there is no reward 'forn'"),
        ({"form": -1.0}, "must not be negative"),
        ({"form": 0.0}, "no reward"),
    ],
)
def test_weights_that_teach_nothing_or_do_not_exist_are_refused(weights, told, tmp_path):
    with pytest.raises(InvalidInput, match=told):
        listwise(tiny_runs.run_of(tmp_path, "listwise", rows=4, max_steps=1, weights=weights))


def test_resumed_reinforcement_equals_uninterrupted(tmp_path):
    options = {"rows": 4, "save_steps": 2, "max_steps": 4, "beta": 0.1, "weights": {"length": 1.0}, "free_tokens": 1}
    listwise(tiny_runs.run_of(tmp_path / "whole", "listwise", **options))
    listwise(tiny_runs.run_of(tmp_path / "half", "listwise", **{**options, "max_steps": 2}))
    listwise(tiny_runs.run_of(tmp_path / "half", "listwise", **options), resume=True)
    assert weights_of(tmp_path / "half" / "listwise") == weights_of(tmp_path / "whole" / "listwise")


def weights_of(out):
    from safetensors.torch import load_file

    tensors = load_file(last_checkpoint(out) / "adapter_model.safetensors")
    return {name: one.tolist() for name, one in tensors.items()}
