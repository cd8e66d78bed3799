# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""Model cards: the `README.md` of a model directory, with the metadata that the Hub reads.

`conversion_scripts/conversion_card.py` and `pretraining/job.py` add the sections on a conversion or a training run.
"""

from collections.abc import Sequence

from huggingface_hub import ModelCard, ModelCardData

from ..model.configuration_elmo import ElmoConfig
from ..model.saved_code import AUTO_MAP, TAGS


# Placeholder for the model's name until it has one on the Hub.
NO_NAME = "path/to/this/directory"

# The Auto class of each ELMo class.
AUTO_CLASSES = {str(reference).rpartition(".")[2]: auto_class for auto_class, reference in AUTO_MAP.items()}

PIPELINES = {
    "ElmoForMaskedLM": "fill-mask",
    "ElmoForMultipleChoice": "multiple-choice",
    "ElmoForQuestionAnswering": "question-answering",
    "ElmoForSequenceClassification": "text-classification",
    "ElmoForTokenClassification": "token-classification",
}


def model_card(
    config: ElmoConfig,
    origin: str = "",
    sections: Sequence[str] = (),
    license: str | None = None,
    language: Sequence[str] | None = None,
) -> str:
    """Returns the text of a model card.

    `origin` ends a sentence on where the model comes from; `sections` follow the architecture. `license` is the Hub's
    name, such as `"apache-2.0"`; languages are ISO codes.
    """
    name, reads = class_name(config), config.token_input.replace("_", " ")
    data = ModelCardData(
        language=list(language or ()) or None,
        library_name="transformers",
        license=license,
        pipeline_tag=PIPELINES.get(name, "feature-extraction"),
        tags=list(TAGS),
    )
    facts = [
        f"Contextual word vectors from a bidirectional language model over {reads} (Peters et al. 2018, "
        "[Deep contextualized word representations](https://arxiv.org/abs/1802.05365))"
    ]
    facts += [f"with the head `{name}`"] if name in PIPELINES else []
    facts += [origin] if origin else []
    parts = [
        f"---\n{data.to_yaml()}\n---",
        "# ELMo",
        ", ".join(facts) + ".",
        "## Usage",
        _usage(name),
        "## Architecture",
        table(("Part", "Value"), _architecture(config)),
        *sections,
    ]
    return "\n\n".join(parts) + "\n"


def change_card(text: str, name: str, license: str | None = None, language: Sequence[str] | None = None) -> str:
    """Returns a card whose examples load the model by its name on the Hub, with another license and languages if given.

    Raises:
        `ValueError`: If the metadata of the card can't be read.
    """
    card = ModelCard(text.replace(NO_NAME, name))
    if license is not None:
        card.data.license = license
    if language:
        card.data.language = list(language)
    return str(card)


def _usage(name: str) -> str:
    """Returns examples for a model class: loading it, in a pipeline, in training."""
    if name not in PIPELINES:
        examples = ["import torch\n" + _LOAD + _OUTPUTS, _PIPELINE, _TRAINER]
    else:
        examples = [_LOAD.replace("AutoModel", AUTO_CLASSES[name])]
        if PIPELINES[name] not in ("multiple-choice", "question-answering"):
            examples.append(_PIPELINE_OF_HEAD.replace("TASK", PIPELINES[name]))
    return "\n\n".join([*(f"```python\n{code}```" for code in examples), _WITH_PACKAGE])


def _architecture(config: ElmoConfig) -> list[tuple[str, str]]:
    token = []
    if config.reads_characters:
        filters = ", ".join(f"{number} of width {width}" for width, number in config.character_filters)
        unit = "characters" if config.character_unit == "byte" else f"{config.character_vocab_size - 1:,} code points"
        token += [
            ("Input", f"{unit}, {config.max_characters_per_token} per word"),
            ("Character embedding", str(config.character_embedding_size)),
            ("Convolution filters", f"{config.num_character_filters:,}: {filters}; {config.hidden_act}"),
            ("Highway layers", str(config.num_highway_layers)),
        ]
    if config.reads_words:
        token.append(("Input", f"words, a vocabulary of {config.vocab_size:,}"))
    if config.word_embedding_size is not None:
        token.append(("Word embedding", str(config.word_embedding_size)))
    return [
        *token,
        ("Token embedding", str(config.projection_size)),
        ("LSTM layers", f"{config.num_hidden_layers}, in both directions"),
        ("Cells, output of one direction", f"{config.cell_size:,}, {config.projection_size:,}"),
        ("Cell clip, projection clip", f"{config.cell_clip}, {config.projection_clip}"),
        ("Skip connections", "yes" if config.use_skip_connections else "no"),
        ("Word vector", f"{config.hidden_size:,} dimensions"),
        ("Weights", str(config.dtype).removeprefix("torch.")),
    ]


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Returns a table in Markdown."""
    # File names may contain the characters that end a cell or a line.
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, tuple("---" for _ in head), *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def class_name(config: ElmoConfig) -> str:
    """Returns the name of the class that a config was saved with, or `"ElmoModel"` if it names none."""
    return next((name for name in config.architectures or () if name in AUTO_CLASSES), "ElmoModel")


_LOAD = f"""\
from transformers import AutoModel, AutoTokenizer

name = "{NO_NAME}"
tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=True)
model = AutoModel.from_pretrained(name, trust_remote_code=True)
"""

_OUTPUTS = """
batch = tokenizer(["The bank of the river.", "The bank lends money."], padding=True, return_tensors="pt")
with torch.no_grad():
    output = model(**batch, output_hidden_states=True)
output.last_hidden_state  # [batch, words, dimensions]: the mix of all layers, trained with the task
output.hidden_states      # each layer of the language model
"""

_PIPELINE = f"""\
from transformers import pipeline

embed = pipeline("feature-extraction", model="{NO_NAME}", trust_remote_code=True)
embed("The bank of the river.")  # [1, words, dimensions]
"""

_TRAINER = f"""\
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

name = "{NO_NAME}"
tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=True)
model = AutoModelForSequenceClassification.from_pretrained(name, num_labels=2, trust_remote_code=True)

texts = {{"The bank of the river.": 0, "The bank lends money.": 1}}
trainer = Trainer(
    model,
    TrainingArguments("fine-tuned", learning_rate=1e-3, num_train_epochs=1),
    train_dataset=[{{**tokenizer(text), "label": label}} for text, label in texts.items()],
    data_collator=DataCollatorWithPadding(tokenizer),
    processing_class=tokenizer,
)
trainer.train()
"""

_PIPELINE_OF_HEAD = f"""\
from transformers import pipeline

model = pipeline("TASK", model="{NO_NAME}", trust_remote_code=True)
"""

_WITH_PACKAGE = "If the package modeling-elmo is installed, `import modeling_elmo` replaces `trust_remote_code=True`."
