"""Pages made of random numbers, for the tests of page stores."""

import numpy as np

from rag_reasoner.retrieve.store.base import PageVectors

DIM = 16


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def random_page(number, tokens=None, document=None, seed=0, dim=DIM):
    """Page `number`, the same every time; of 1 to 40 tokens unless told."""
    generator = np.random.default_rng([seed, number])
    size = int(generator.integers(1, 41)) if tokens is None else tokens
    vectors = unit(generator.standard_normal((size, dim)))
    payload = {"document": document or f"doc{number % 5}", "page": number, "kind": "scan" if number % 2 else "print"}
    return PageVectors(f"p{number}", f"hash-{seed}-{number}", vectors, payload)


def random_query(seed=0, tokens=6, dim=DIM):
    return unit(np.random.default_rng([99, seed]).standard_normal((tokens, dim)))


def naive_maxsim(query, vectors):
    """The definition, in loops and in float64."""
    return sum(max(sum(float(a) * float(b) for a, b in zip(q, v, strict=True)) for v in vectors) for q in query)
