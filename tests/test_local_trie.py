"""The best of several token sequences: as good as trying them all."""

import math

from hypothesis import given
from hypothesis import strategies as st

from rag_reasoner.backends.local.trie import best

TOKENS = range(4)
OPTIONS = st.lists(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4).map(tuple), min_size=1, max_size=8)


def probabilities(seed):
    """A language model over four tokens: what follows depends on all that came before."""

    def after(beginning):
        raw = [1 + hash((seed, *beginning, token)) % 97 for token in TOKENS]
        return [math.log(value / sum(raw)) for value in raw]

    return after


def without_beginnings_of_others(options):
    return [one for one in options if not any(other != one and other[: len(one)] == one for other in options)]


def told_apart(option, options):
    """The length of the beginning that tells `option` from all others."""
    return next(n for n in range(len(option) + 1) if [o[:n] for o in options].count(option[:n]) == 1)


@given(OPTIONS, st.integers())
def test_the_most_probable_option_is_found(drawn, seed):
    options = without_beginnings_of_others(list(dict.fromkeys(drawn)))
    after = probabilities(seed)

    def score(option):
        length = told_apart(option, options)
        return sum(after(option[:place])[option[place]] for place in range(length))

    found = best(options, lambda beginning, tokens: [after(beginning)[token] for token in tokens])
    assert math.isclose(score(options[found]), max(map(score, options)))


def test_a_number_that_begins_another_is_weighed_by_what_follows_it():
    one, ten = (1, 9), (1, 0, 9)  # "1>" and "10>"
    asked = []

    def after(beginning, tokens):
        asked.append(beginning)
        return [math.log({9: 0.7, 0: 0.3, 2: 0.4, 1: 0.6}[token]) for token in tokens]

    assert best([one, ten, (2, 9)], after) == 0
    assert asked == [(), (1,)]


def test_what_all_options_share_is_given_and_not_asked_for():
    asked = []

    def after(beginning, tokens):
        asked.append((beginning, tuple(tokens)))
        return [-1.0 - token for token in tokens]

    assert best([(5, 6, 2), (5, 6, 1)], after) == 1
    assert asked == [((5, 6), (2, 1))]


def test_a_single_option_needs_no_model():
    assert best([(1, 2, 3)], None) == 0
