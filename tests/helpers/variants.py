# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies: the options of original models of every kind."""

from hypothesis import strategies as st

from tests.helpers.original_format import make_options


@st.composite
def options_of_every_kind(draw, **fixed):
    """Options of a small model; `fixed` are arguments of `make_options` to hold."""
    dim = draw(st.integers(1, 10))
    clip = st.none() | st.floats(0.05, 3) | st.just(3)
    filters = draw(st.lists(st.tuples(st.integers(1, 7), st.integers(1, 6)), min_size=1, max_size=4))
    num_filters = sum(number for _, number in filters)
    arguments = {
        "dim": dim,
        # Without an LSTM projection and without a CNN projection, each about as often as with.
        "projection_dim": draw(st.integers(1, dim) | st.just(dim) | st.just(min(dim, num_filters))),
        "n_layers": draw(st.none() | st.integers(1, 4)),
        "use_skip_connections": draw(st.none() | st.booleans()),
        "cell_clip": draw(clip),
        "proj_clip": draw(clip),
        "filters": filters,
        "n_highway": draw(st.none() | st.integers(0, 3)),
        "activation": draw(st.sampled_from(["relu", "tanh"])),
        "embedding_dim": draw(st.integers(1, 5)),
        "max_characters_per_token": draw(st.integers(7, 60) | st.just(50)),
        "n_characters": draw(st.sampled_from([261, 262])),
        "reads_words": draw(st.sampled_from([False, False, True])),
    }
    return make_options(**{**arguments, **fixed})
