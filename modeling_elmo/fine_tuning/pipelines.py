# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Pipelines that correct how those of transformers treat ELMo models.

`import modeling_elmo` registers that of features for batches, which transformers splits wrongly if an output contains a
tuple that it does not know. Pass the other as `pipeline_class` for: the aggregation strategies `first`, `average` and
`max`, which join tokens without a space between them, such as `bank` and the comma after it; labels in the schemes
`BIOES` and `BILOU`.
"""

from typing import Any

from transformers import FeatureExtractionPipeline, TokenClassificationPipeline
from transformers.pipelines.token_classification import AggregationStrategy

from ..model.bilm import ElmoModelOutput
from ..model.label_schemes import MARKS


class ElmoFeatureExtractionPipeline(FeatureExtractionPipeline):
    """A feature extraction pipeline that supports batches: `pipe(texts, batch_size=32)`."""

    def _forward(self, model_inputs: Any) -> Any:
        output = super()._forward(model_inputs)
        # Not `isinstance`: the model's own code may be another copy of this package's.
        is_elmo = getattr(output, "elmo_representations", None) is not None
        return ElmoModelOutput(last_hidden_state=output.last_hidden_state) if is_elmo else output


class ElmoTokenClassificationPipeline(TokenClassificationPipeline):
    """A token classification pipeline in which every token is a word, and labels may follow any scheme of
    `label_schemes.py`.

    Example:
    ```python
    >>> import tempfile
    >>> from transformers import pipeline
    >>> from modeling_elmo import ElmoConfig, ElmoForTokenClassification, ElmoTokenizer
    >>> from modeling_elmo.fine_tuning import ElmoTokenClassificationPipeline

    >>> directory = tempfile.mkdtemp()
    >>> sizes = {"cell_size": 64, "projection_size": 16, "character_filters": [[1, 8], [3, 24]]}
    >>> model = ElmoForTokenClassification(ElmoConfig(**sizes, id2label={0: "O", 1: "B-LOC", 2: "I-LOC"}))
    >>> model.save_pretrained(directory)
    >>> _ = ElmoTokenizer().save_pretrained(directory)
    >>> tagger = pipeline(
    ...     "token-classification", directory, pipeline_class=ElmoTokenClassificationPipeline, ignore_labels=[]
    ... )
    >>> [word["word"] for word in tagger("Up to Tromsø.")]
    ['Up', 'to', 'Tromsø', '.']
    ```
    """

    def gather_pre_entities(self, *args: Any, **kwargs: Any) -> list[dict[str, Any]]:
        # Some strategies would make the base class warn that it guesses word boundaries. They don't affect the result.
        *first, _aggregation_strategy = args
        words = super().gather_pre_entities(*first, AggregationStrategy.NONE, **kwargs)
        return [{**word, "is_subword": False} for word in words]

    def get_tag(self, entity_name: str) -> tuple[str, str]:
        """Returns whether a label begins (`"B"`) or continues (`"I"`) an entity, and the type of the entity."""
        mark, _, kind = entity_name.partition("-")
        mark = MARKS["BIOES"].get(mark, "")
        if not kind or mark in ("", "O"):
            return super().get_tag(entity_name)
        return ("B" if mark in ("B", "S") else "I"), kind
