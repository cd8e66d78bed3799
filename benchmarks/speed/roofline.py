# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The least time that a batch can take on this machine, by its rates of products and of reading.

The bound is strict: nothing but products and reading weights takes time in it, no gates and no copies, products of a
few rows run at the rate of the largest, and weights are read at the rate of a plain sum.
"""

from dataclasses import dataclass

import torch

from modeling_elmo import ElmoConfig, hardware
from modeling_elmo.model.packing import Packing

from .full_size_model import (
    convolution_flop_per_word,
    distinct_words,
    encoder_weights,
    input_weights,
    recurrent_weights,
)


# The weights of tiny models would measure the overhead of calls.
SMALLEST_READ = 2**22


@dataclass(frozen=True)
class Limits:
    """What the machine can do at most, with weights of one kind; see `modeling_elmo.hardware`.

    Attributes:
        weight_bytes (`int`): Bytes of a weight.
        product_rate (`float`): Operations per second of the best matrix product.
        float_rate (`float`): The same in float32, for the convolutions, which stay in it under int8.
        memory_rate (`float`): Bytes per second that are read from memory.
        step_rate (`float`): The same for the weights of a step, which caches may hold.
    """

    weight_bytes: int
    product_rate: float
    float_rate: float
    memory_rate: float
    step_rate: float

    @classmethod
    def measure(cls, config: ElmoConfig, is_quick: bool = False) -> "dict[str, Limits]":
        """Measures the machine for each kind of weights."""
        product_rates = {kind: hardware.product_rate(kind, is_quick) for kind in hardware.KINDS}
        memory_rate = hardware.read_rate(SMALLEST_READ if is_quick else hardware.MEMORY_BYTES)
        return {
            kind: cls(
                weight_bytes,
                product_rates[kind],
                product_rates["float32"],
                memory_rate,
                hardware.read_rate(max(SMALLEST_READ, weight_bytes * recurrent_weights(config))),
            )
            for kind, weight_bytes in hardware.KINDS.items()
        }

    def bound(self, config: ElmoConfig, character_ids: torch.Tensor, is_training: bool = False) -> tuple[float, float]:
        """Returns the least seconds that a batch `(B, W, C)` takes, and those of them in which memory is the limit.

        A product takes the longer of two times: that of its operations at the rate of the best product, and that of
        reading its weights. The times add up, since each product needs the result of one before: in each direction of
        each layer, one for the inputs of all steps and one for every step, with as many rows as sequences run; before
        them, the character encoder's, once for every distinct word.

        A training step has the same products again, transposed, for the gradients of inputs, and one for the gradient
        of each weight.
        """
        num_distinct, num_characters = distinct_words(character_ids)
        batch_sizes = Packing.from_mask(character_ids.any(-1)).batch_sizes
        num_tokens, directions = sum(batch_sizes), 2 * config.num_hidden_layers
        # How often, rows, weights, and the rate at which these are read.
        encoder = (1, num_distinct, encoder_weights(config), self.memory_rate)
        inputs = (directions, num_tokens, input_weights(config), self.memory_rate)
        steps = [(directions, rows, recurrent_weights(config), self.step_rate) for rows in batch_sizes]
        products = [encoder, inputs, *steps]
        if is_training:
            products += [*products, encoder, inputs, (directions, num_tokens, *steps[0][2:])]
        convolutions = num_distinct * convolution_flop_per_word(config, num_characters) / self.float_rate
        total, of_memory = (3 if is_training else 1) * convolutions, 0.0
        for count, rows, weights, read_rate in products:
            compute, read = 2 * rows * weights / self.product_rate, self.weight_bytes * weights / read_rate
            total += count * max(compute, read)
            of_memory += count * read if read > compute else 0
        return total, of_memory
