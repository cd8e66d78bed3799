# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Semantic roles of a given predicate: who did what to whom (He et al. 2017, the paper's model, section 4).

A row is a sentence and one of its predicates, so a sentence with three predicates is in three rows. A BiLSTM reads
`[x; ELMo; p]`, where p is an embedding that tells the predicate from the other words. A softmax scores the roles of
each word, and decoding finds the best sequence of labels that the scheme of the labels allows.

The BiLSTM is the one of the other task models: in every layer both directions read both directions of the layer below.
He et al. stack single directions that alternate, with highway connections and recurrent dropout.

Dimensions: B batch, W words of a padded row, D features.
"""

import torch
from torch import nn
from transformers.modeling_outputs import TokenClassifierOutput
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs, auto_docstring
from transformers.utils.generic import can_return_tuple

from .configuration_elmo import ElmoConfig
from .crf import ConstrainedDecoding
from .packing import check_shape
from .task_models import ElmoPreTrainedLabelingModel


@auto_docstring(
    custom_intro="""
    ELMo with a BiLSTM on top that labels the words of a sentence with their roles for one of its predicates. Roles may
    be those of spans (`B-ARG0`, `I-ARG0`; set `label_scheme`, and decoded labels conform to it) or of single words,
    such as the heads of the arguments (`ARG0`; no `label_scheme`). No Auto class of transformers has this task.
    """
)
class ElmoForSemanticRoleLabeling(ElmoPreTrainedLabelingModel):
    # The size of the predicate's embedding, as in He et al.
    num_word_features = 100

    def __init__(self, config: ElmoConfig):
        super().__init__(config)
        self.predicate_embedding = nn.Embedding(2, self.num_word_features)
        if config.label_scheme and not config.use_crf:
            self.crf = ConstrainedDecoding.from_config(config)
        self.post_init()

    @can_return_tuple
    @auto_docstring
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        character_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        predicate_index: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | TokenClassifierOutput:
        r"""
        character_ids (`torch.LongTensor` of shape `(batch_size, num_words, max_characters_per_token)`, *optional*):
            Character ids, as `ElmoTokenizer` returns them. The other inputs, too, are those of [`ElmoModel`].
        predicate_index (`torch.LongTensor` of shape `(batch_size,)`):
            Which word of its sentence is the predicate: 0 for the first word, whether or not `<S>` or padding precedes
            it. A number per example passes through tokenizers, collators and `Trainer` as it is.
        labels (`torch.LongTensor` of shape `(batch_size, num_words)`, *optional*):
            Roles, 0 to `config.num_labels - 1`. Words labelled -100, padding, `<S>` and `</S>` are ignored.

        Returns:
            [`~transformers.modeling_outputs.TokenClassifierOutput`] or `tuple`. The logits are
            `(batch_size, num_words, num_labels)`. With `label_scheme` in evaluation mode, they are relative to the best
            sequence of labels that the scheme allows, which is their argmax: the score of the best sequence with that
            label at that word.

        Raises:
            `ValueError`: If `predicate_index` is missing or not a word of its sentence, or if labels have the wrong
                shape or are out of range; see also [`ElmoModel`].

        Example:
        ```python
        >>> import torch
        >>> from modeling_elmo import ElmoConfig, ElmoForSemanticRoleLabeling, ElmoTokenizer

        >>> tokenizer = ElmoTokenizer()
        >>> sizes = {"cell_size": 64, "projection_size": 16, "character_filters": [[1, 8], [3, 24]]}
        >>> config = ElmoConfig(**sizes, id2label={0: "_", 1: "ARG0", 2: "ARG1", 3: "V"})
        >>> model = ElmoForSemanticRoleLabeling(config).eval()
        >>> batch = tokenizer(["Ada", "wrote", "programs"], is_split_into_words=True, return_tensors="pt")
        >>> model(**batch, predicate_index=torch.tensor([1])).logits.shape
        torch.Size([1, 5, 4])
        ```"""

        def embed_predicate(mask_BW: torch.Tensor) -> torch.Tensor:
            return self.predicate_embedding(_is_predicate(mask_BW, predicate_index).long())

        words = self.encode(
            input_ids,
            character_ids,
            attention_mask,
            token_type_ids,
            inputs_embeds,
            word_features=embed_predicate,
            **kwargs,
        )
        return self.label_words(words, labels, kwargs.get("num_items_in_batch"))


def _is_predicate(mask_BW: torch.Tensor, index_B: torch.Tensor | None) -> torch.Tensor:
    """Returns the mask `(B, W)` of the word of each row that has the given index among its unmasked words."""
    if index_B is None:
        raise ValueError(
            "predicate_index: this model requires, for each row, the index of the predicate among the words of its "
            "sentence"
        )
    check_shape("predicate_index", index_B, (mask_BW.shape[0],))
    index_B = index_B.to(mask_BW.device)
    is_predicate_BW = mask_BW & (mask_BW.cumsum(1) - 1 == index_B.unsqueeze(1))
    is_missing_B = mask_BW.any(1) & ~is_predicate_BW.any(1)
    if not torch.compiler.is_compiling() and is_missing_B.any():
        row = int(is_missing_B.nonzero()[0])
        raise ValueError(
            f"predicate_index: expected the index of one of the {int(mask_BW[row].sum())} words of row {row}, counted "
            f"from 0, found {int(index_B[row])}"
        )
    return is_predicate_BW
