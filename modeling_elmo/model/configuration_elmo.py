# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo configuration.

Holds every number that defines an ELMo model, the checks that they agree with one another, and their translation from
and to the `options.json` of the original code. Nothing here reads or writes files of weights.
"""

import copy
import os
import shutil
from collections.abc import Mapping
from dataclasses import field
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig
from transformers.utils import auto_docstring

from .characters import MAX_CHARACTERS
from .loading_checks import MAX_CONFIG_BYTES, read_json_object, short
from .saved_code import AUTO_MAP, FORMER_MODULES, code_files, module_of


# `<PAD>` and `<MASK>` follow the vocabulary; the original vocabulary files have neither.
NUM_APPENDED_TOKENS = 2

# The label of what is not counted in a loss, as in torch.nn.functional.cross_entropy.
IGNORED_LABEL = -100

# Bounds that no real model comes near. A size beyond them is a mistake or an attack, and is refused before memory is
# allocated for it.
MAX_SIZE = 1_000_000
MAX_VOCAB_SIZE = 100_000_000
MAX_DEPTH = 1_000
MAX_LABELS = 100_000

# Types of weights.
DTYPES = ("float32", "bfloat16", "float16", "float64")

# What a file of another model may hold, and what transformers would fetch, run or compute otherwise for: none of it is
# ELMo's, whose config is numbers and names. Callers may still give these as arguments.
FOREIGN_FIELDS = (
    "attn_implementation",
    "distributed_config",
    "experts_implementation",
    "fusion_config",
    "per_layer_config",
    "quantization_config",
    "transformers_weights",
)

# Just below the greatest float32: what is beyond it, or no number, turns vectors into NaN.
MAX_NUMBER = 3e38


@auto_docstring(
    checkpoint="modeling-elmo",
    custom_intro="""
    Configuration of an ELMo model (Peters et al. 2018, "Deep contextualized word representations"). The defaults are
    those of the published "original" model: 2 layers of 4096 cells projected to 512 dimensions, 93.6 million
    parameters.
    """,
)
@strict
class ElmoConfig(PreTrainedConfig):
    r"""
    vocab_size (`int`, *optional*, defaults to 5):
        Number of word ids, special tokens included. A model that reads characters has no weights that depend on it;
        the default counts the five special tokens of a tokenizer without a vocabulary.
    token_input (`str`, *optional*, defaults to `"characters"`):
        What the first layer reads: `"characters"` (character CNN) or `"words"` (an embedding table over word ids).
    character_vocab_size (`int`, *optional*, defaults to 262):
        Number of character ids: 0 is padding, 1 to 256 are bytes plus one, 257 to 261 are marks. Always 262.
    max_characters_per_token (`int`, *optional*, defaults to 50):
        Length of a row of character ids. A word keeps at most this many bytes less two.
    character_embedding_size (`int`, *optional*, defaults to 16):
        Size of a character embedding.
    character_filters (`list[list[int]]`, *optional*):
        `[width, number]` of each group of convolution filters. Defaults to the 2,048 filters of the published models.
    num_highway_layers (`int`, *optional*, defaults to 2):
        Number of highway layers after the convolutions; may be 0.
    hidden_act (`str`, *optional*, defaults to `"relu"`):
        Activation after max-pooling: `"relu"` or `"tanh"`. Highway layers always use relu.
    num_hidden_layers (`int`, *optional*, defaults to 2):
        Number of bidirectional LSTM layers.
    cell_size (`int`, *optional*, defaults to 4096):
        Number of LSTM cells per direction and layer.
    projection_size (`int`, *optional*, defaults to 512):
        Size of a token embedding and of the output of one direction. Equal to `cell_size`, the LSTMs have no
        projection.
    cell_clip (`float`, *optional*, defaults to 3.0):
        The LSTM's cell state is clipped to plus or minus this; `None` for no clipping.
    projection_clip (`float`, *optional*, defaults to 3.0):
        The projected output is clipped to plus or minus this; `None` for no clipping. Unused without a projection, as
        in TensorFlow's `LSTMCell`.
    use_skip_connections (`bool`, *optional*, defaults to `True`):
        Whether each layer from the second on adds its input to its output.
    forget_bias (`float`, *optional*, defaults to 1.0):
        Added to the forget gate when it is computed. TensorFlow does so without storing it with the bias.
    lstm_dropout (`float`, *optional*, defaults to 0.0):
        Dropout on the input of every LSTM layer, applied while the biLM itself is trained.
    num_output_representations (`int`, *optional*, defaults to 1):
        Number of scalar mixes, each with its own weights.
    mix_layer_norm (`bool`, *optional*, defaults to `False`):
        Whether each layer is normalised before it is mixed, with one mean and variance over all real tokens of the
        batch: AllenNLP's `do_layer_norm`.
    mix_parameters (`list[float]`, *optional*):
        Fixed mix weights before the softmax, the token embedding's first, then one per LSTM layer; the mixes then have
        no trainable weights. `[-9e10, 1, -9e10]` is the first of two LSTM layers. AllenNLP's `scalar_mix_parameters`.
    representation_dropout (`float`, *optional*, defaults to 0.5):
        Dropout on the ELMo vectors. The default is AllenNLP's.
    freeze_bilm (`bool`, *optional*, defaults to `True`):
        Whether the biLM's weights stay fixed, so that only the scalar mixes (and a head) train, as in the paper. Acts
        when a model is made or loaded; later, `requires_grad_` decides.
    training_options (`dict`, *optional*):
        What the original `options.json` says about training beyond the architecture. Carried along for export.
    num_negative_samples (`int`, *optional*, defaults to 8192):
        Language models: how many words besides the right one the softmax of training compares (sampled softmax). 0, or
        as many as there are words: the full softmax.
    tie_word_embeddings (`bool`, *optional*, defaults to `False`):
        Language models that read words: whether the softmax has the weights of the word embeddings.
    elmo_at_input (`bool`, *optional*, defaults to `True`):
        Task heads: whether the ELMo vectors are part of what the task model reads, [x; ELMo] in the paper.
    elmo_at_output (`bool`, *optional*, defaults to `False`):
        Task heads: whether a second mix of the layers stands beside what the first BiLSTM of the task model gives,
        [h; ELMo'] in the paper, which found it to help where attention follows (entailment, question answering). A head
        raises `num_output_representations` to what this takes.
    mix_l2 (`float`, *optional*, defaults to 0.001):
        Task heads: lambda of lambda * ||w||^2, added to the training loss once per step, of the mix weights before the
        softmax. Small lets the weights differ, large keeps the mix near an average. The paper's usual value.
    word_vector_size (`int`, *optional*, defaults to 0):
        Task heads: size of static word embeddings x beside the ELMo vectors, looked up by word id; 0 for none. They
        are random until a model's `set_word_vectors` is given those of a file (`load_word_vectors`).
    freeze_word_vectors (`bool`, *optional*, defaults to `True`):
        Task heads: whether the static word embeddings stay fixed. On small data, trained ones drift from those of words
        that the training data lacks.
    task_lstm_layers (`int`, *optional*, defaults to 1):
        Task heads: layers of the task model's BiLSTM. 0 for a probe: no LSTMs and no hidden layer before the scores.
    task_lstm_size (`int`, *optional*, defaults to 200):
        Task heads: cells per direction of the task model's LSTMs, and half the size of its hidden layers. That of the
        paper's model for named entities.
    task_dropout (`float`, *optional*, defaults to 0.5):
        Task heads: the rate of dropout on static word embeddings, on what an LSTM gives to a classifier or to attention
        within a text, on pooled texts and on hidden layers. That of the paper's models for named entities and
        entailment.
    pooling (`list[str]`, *optional*, defaults to `["attention", "max", "mean"]`):
        Sequence classification and multiple choice: how the words of a text become one vector, one or several of
        `"attention"`, `"max"` and `"mean"`.
    num_segments (`int`, *optional*, defaults to 1):
        Sequence classification: 1 to classify texts, 2 to classify pairs of texts. The two are different models.
    use_crf (`bool`, *optional*, defaults to `False`):
        Token classification: whether a conditional random field scores the labels of a sentence together.
    label_scheme (`str`, *optional*):
        Token classification with `use_crf`: `"BIO"` or `"BIOES"`, the scheme that the names in `id2label` follow.
        Labels then are decoded so that they follow it. By default every label may follow every other.
    pad_token_id (`int`, *optional*):
        Word id of `<PAD>`. Defaults to the first id after the vocabulary, `vocab_size` less two.

    Example:
    ```python
    >>> from modeling_elmo import ElmoConfig, ElmoModel

    >>> config = ElmoConfig(cell_size=64, projection_size=16, character_filters=[[1, 8], [3, 24]])
    >>> config.hidden_size
    32
    >>> model = ElmoModel(config)
    ```
    """

    model_type = "elmo"

    vocab_size: int = 3 + NUM_APPENDED_TOKENS
    token_input: Literal["characters", "words"] = "characters"
    character_vocab_size: int = 262
    max_characters_per_token: int = 50
    character_embedding_size: int = 16
    character_filters: list[list[int]] = field(
        default_factory=lambda: [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]]
    )
    num_highway_layers: int = 2
    hidden_act: Literal["relu", "tanh"] = "relu"
    num_hidden_layers: int = 2
    cell_size: int = 4096
    projection_size: int = 512
    cell_clip: float | int | None = 3.0
    projection_clip: float | int | None = 3.0
    use_skip_connections: bool = True
    forget_bias: float | int = 1.0
    lstm_dropout: float | int = 0.0
    num_output_representations: int = 1
    mix_layer_norm: bool = False
    mix_parameters: list[float | int] | None = None
    representation_dropout: float | int = 0.5
    freeze_bilm: bool = True
    training_options: dict[str, Any] | None = None
    num_negative_samples: int = 8192
    tie_word_embeddings: bool = False
    elmo_at_input: bool = True
    elmo_at_output: bool = False
    mix_l2: float | int = 0.001
    word_vector_size: int = 0
    freeze_word_vectors: bool = True
    task_lstm_layers: int = 1
    task_lstm_size: int = 200
    task_dropout: float | int = 0.5
    pooling: list[Literal["attention", "max", "mean"]] = field(default_factory=lambda: ["attention", "max", "mean"])
    num_segments: Literal[1, 2] = 1
    use_crf: bool = False
    label_scheme: Literal["BIO", "BIOES"] | None = None
    bos_token_id: int | None = 0
    eos_token_id: int | None = 1
    pad_token_id: int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        if self.pad_token_id is None and self.vocab_size > NUM_APPENDED_TOKENS:
            self.pad_token_id = self.vocab_size - NUM_APPENDED_TOKENS
        if kwargs.get("num_labels", 0) is None:
            del kwargs["num_labels"]
        num_labels = kwargs.get("num_labels")
        if num_labels is not None and (type(num_labels) is not int or not 0 <= num_labels <= MAX_LABELS):
            # A name is made for each, before anything is validated.
            raise ValueError(f"num_labels is between 0 and {MAX_LABELS}: found {_short(num_labels)}")
        self.validate_dtype()
        if self.id2label is not None and num_labels not in (None, len(self.id2label)):
            # transformers warns, and takes the names.
            raise ValueError(f"found num_labels={num_labels} and id2label with {len(self.id2label)} labels")
        super().__post_init__(**kwargs)

    @property
    def hidden_size(self) -> int:
        """`int`: Width of an ELMo vector, forward and backward halves together."""
        return 2 * self.projection_size

    @hidden_size.setter
    def hidden_size(self, value: int) -> None:
        if value != self.hidden_size:
            raise ValueError(
                f"hidden_size is twice projection_size: found hidden_size={value!r} and "
                f"projection_size={self.projection_size}"
            )

    @property
    def num_character_filters(self) -> int:
        """`int`: Number of convolution filters, all widths together."""
        return sum(number for _, number in self.character_filters)

    @property
    def has_character_projection(self) -> bool:
        """`bool`: Whether a linear map follows the CNN. The original leaves it out where the sizes already agree."""
        return self.num_character_filters != self.projection_size

    @property
    def has_lstm_projection(self) -> bool:
        """`bool`: Whether the LSTMs project their output."""
        return self.projection_size < self.cell_size

    def validate_architecture(self) -> None:
        """Checks sizes and their agreement. Raises `ValueError` with the values found."""
        _check_range(self, "vocab_size", 1, MAX_VOCAB_SIZE)
        for name in ("character_embedding_size", "cell_size", "projection_size"):
            _check_range(self, name, 1, MAX_SIZE)
        # A boundary token is three characters long.
        _check_range(self, "max_characters_per_token", 3, MAX_CHARACTERS)
        for name, least in (("num_hidden_layers", 1), ("num_highway_layers", 0), ("num_output_representations", 1)):
            _check_range(self, name, least, MAX_DEPTH)
        for name in ("lstm_dropout", "representation_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is a probability below 1: found {getattr(self, name)}")
        for name in ("cell_clip", "projection_clip"):
            clip = getattr(self, name)
            if clip is not None and not 0 < clip <= MAX_NUMBER:
                raise ValueError(f"{name} is a positive number or None: found {_short(clip)}")
        if self.projection_size > self.cell_size:
            raise ValueError(
                f"projection_size can't exceed cell_size: found projection_size={self.projection_size} and "
                f"cell_size={self.cell_size}"
            )
        if self.mix_parameters is not None and len(self.mix_parameters) != self.num_hidden_layers + 1:
            raise ValueError(
                f"mix_parameters has one number per LSTM layer and one for the token embedding: found "
                f"{len(self.mix_parameters)} numbers and num_hidden_layers={self.num_hidden_layers}"
            )
        for name, numbers in (("mix_parameters", self.mix_parameters or []), ("forget_bias", [self.forget_bias])):
            if not all(abs(number) <= MAX_NUMBER for number in numbers):
                raise ValueError(f"{name}: expected finite numbers, found {_short(numbers)}")
        if self.character_vocab_size != 262:
            raise ValueError(
                f"character_vocab_size is 262 (256 bytes, 5 marks, padding): found {self.character_vocab_size}"
            )
        self._validate_character_filters()

    def validate_dtype(self) -> None:
        """Checks the type of the weights. Raises `ValueError` with what was found."""
        if self.dtype is not None and str(self.dtype).removeprefix("torch.") not in DTYPES:
            raise ValueError(f"dtype is one of {', '.join(DTYPES)}: found {_short(self.dtype)}")

    def validate_language_model(self) -> None:
        """Checks what the language models read. Raises `ValueError` with the values found."""
        _check_range(self, "num_negative_samples", 0, MAX_VOCAB_SIZE)
        if self.tie_word_embeddings and self.token_input != "words":
            raise ValueError(f"tie_word_embeddings needs token_input='words': found {self.token_input!r}")

    def validate_task_layers(self) -> None:
        """Checks what the task heads read. Raises `ValueError` with the values found."""
        _check_range(self, "word_vector_size", 0, MAX_SIZE)
        _check_range(self, "task_lstm_layers", 0, MAX_DEPTH)
        _check_range(self, "task_lstm_size", 1, MAX_SIZE)
        if not 0 <= self.task_dropout < 1:
            raise ValueError(f"task_dropout is a probability below 1: found {self.task_dropout}")
        if not 0 <= self.mix_l2 <= MAX_NUMBER:
            raise ValueError(f"mix_l2 is a number of at least 0: found {_short(self.mix_l2)}")
        if not self.pooling or len(set(self.pooling)) != len(self.pooling):
            raise ValueError(f"pooling has one or several of attention, max and mean, each once: found {self.pooling}")
        if not self.elmo_at_input and not self.word_vector_size:
            raise ValueError(
                "a task model needs an input: found elmo_at_input=False and word_vector_size=0; expected one of them"
            )
        if self.label_scheme is not None and not self.use_crf:
            raise ValueError(f"label_scheme needs use_crf=True: found label_scheme={self.label_scheme!r} without it")

    def _validate_character_filters(self) -> None:
        # A word model has no CNN, but its config still carries the fields: they are checked all the same.
        if not 1 <= len(self.character_filters) <= MAX_DEPTH:
            raise ValueError(f"character_filters has 1 to {MAX_DEPTH} groups: found {len(self.character_filters)}")
        for group in self.character_filters:
            if len(group) != 2 or not all(1 <= size <= MAX_SIZE for size in group):
                raise ValueError(f"character_filters holds [width, number] pairs of positive sizes: found {group}")
        if self.num_character_filters > MAX_SIZE:
            raise ValueError(f"character_filters has at most {MAX_SIZE} filters: found {self.num_character_filters}")
        widest = max(width for width, _ in self.character_filters)
        if widest > self.max_characters_per_token:
            raise ValueError(
                f"a filter can't be wider than a word: found a filter of width {widest} and "
                f"max_characters_per_token={self.max_characters_per_token}"
            )

    @classmethod
    def _dict_from_json_file(cls, json_file: str | os.PathLike) -> dict[str, Any]:
        fields = read_json_object(json_file, MAX_CONFIG_BYTES)
        # Infinity and NaN are written as objects.
        fields = {name: cls._decode_special_floats(value) for name, value in fields.items()}
        _check_fields(cls, fields)
        # Else the type would be looked for in the weights, whatever they are in.
        dtype = fields.pop("dtype", None) or fields.pop("torch_dtype", None) or "float32"
        return {**fields, "dtype": dtype}

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        # Labels that `from_pretrained` is told of replace those of the file, be they more or fewer.
        config_dict = dict(config_dict)
        if kwargs.get("id2label") is not None:
            config_dict.update(id2label=kwargs["id2label"], label2id=kwargs.get("label2id"))
        elif kwargs.get("num_labels") not in (None, len(config_dict.get("id2label") or ())):
            config_dict.update(id2label=None, label2id=None)
        # Fields that it is told to change are set one by one, checked for their type alone.
        loaded = super().from_dict(config_dict, **kwargs)
        (loaded[0] if isinstance(loaded, tuple) else loaded).validate()
        return loaded

    def save_pretrained(self, save_directory: str | os.PathLike, push_to_hub: bool = False, **kwargs: Any) -> None:
        """As `PreTrainedConfig.save_pretrained`; the file names every ELMo class for the Auto classes, and the code
        files that hold them lie beside it."""
        # Code that comes along with a model is kept by transformers in a folder per class asked for: beside this file,
        # there is then no more than it needs. A model that saves its config says where its own is.
        folders = {Path(__file__).parent, Path(self.__dict__.pop("code_file", __file__)).parent}
        files = sorted({path for folder in folders for path in code_files(folder)})
        ours = {module_of(entry) for entry in AUTO_MAP.values()} | {path.stem for path in files} | FORMER_MODULES
        others = getattr(self, "auto_map", None) or {}
        others = {name: reference for name, reference in others.items() if module_of(reference) not in ours}
        self.auto_map = {**copy.deepcopy(AUTO_MAP), **others}
        if not os.path.isfile(save_directory):
            os.makedirs(save_directory, exist_ok=True)
            for path in files:
                shutil.copyfile(path, Path(save_directory, path.name))
        super().save_pretrained(save_directory, push_to_hub=push_to_hub, **kwargs)

    @classmethod
    def from_options(cls, options: Mapping[str, Any], **kwargs: Any) -> "ElmoConfig":
        """Builds a config from the contents of an original `options.json`.

        Args:
            options (`Mapping[str, Any]`): The parsed file: a section `lstm`, a section `char_cnn` unless the model
                reads words, and, in files written by training, options at the top level.
            kwargs: Fields of the config that the file does not know, or that are to differ from it.

        Raises:
            `ValueError`: Naming the option, what was found and what was expected; also for unidirectional models.
            `StrictDataclassError`: For sizes that contradict one another (see `validate_architecture`).
        """
        if not isinstance(options, Mapping):
            raise ValueError(f"options: expected a JSON object, found {_short(options)}")
        if options.get("bidirectional", True) is not True:
            raise ValueError(
                f"bidirectional: a unidirectional model has no backward LSTM; expected true, "
                f"found {_short(options['bidirectional'])}"
            )
        lstm = _section(options, "lstm")
        fields: dict[str, Any] = {
            "cell_size": _integer(lstm, "lstm", "dim"),
            "projection_size": _integer(lstm, "lstm", "projection_dim"),
            "num_hidden_layers": _integer(lstm, "lstm", "n_layers", default=1),
            "cell_clip": _number(lstm, "lstm", "cell_clip"),
            "projection_clip": _number(lstm, "lstm", "proj_clip"),
            "use_skip_connections": _boolean(lstm, "lstm", "use_skip_connections"),
        }
        if "char_cnn" in options:
            fields.update(_character_fields(_section(options, "char_cnn")))
        else:
            fields["token_input"] = "words"
        if options.get("n_tokens_vocab") is not None:
            fields["vocab_size"] = _integer(options, "", "n_tokens_vocab") + NUM_APPENDED_TOKENS
        if options.get("dropout") is not None:
            fields["lstm_dropout"] = _number(options, "", "dropout")
        architecture = {"lstm", "char_cnn", "n_tokens_vocab", "dropout"}
        training_options = {name: value for name, value in options.items() if name not in architecture}
        fields["training_options"] = training_options or None
        if training_options.get("n_negative_samples_batch") is not None:
            fields["num_negative_samples"] = _integer(options, "", "n_negative_samples_batch")
        if training_options.get("share_embedding_softmax") is not None:
            fields["tie_word_embeddings"] = _boolean(options, "", "share_embedding_softmax")
        return cls(**{**fields, **kwargs})

    def to_options(self) -> dict[str, Any]:
        """Returns the contents of an original `options.json` for inference.

        `from_options` of them gives this config back, but for the fields that the original code does not know (the
        mixes, `representation_dropout`, `freeze_bilm`, those of the task heads).

        Raises:
            `ValueError`: If `forget_bias` is not 1.0, which the original code has built in.
        """
        if self.forget_bias != 1.0:
            raise ValueError(f"the original code's forget_bias is always 1.0: found {self.forget_bias}")
        options: dict[str, Any] = dict(self.training_options or {})
        options["lstm"] = {
            "use_skip_connections": self.use_skip_connections,
            "projection_dim": self.projection_size,
            "cell_clip": self.cell_clip,
            "proj_clip": self.projection_clip,
            "dim": self.cell_size,
            "n_layers": self.num_hidden_layers,
        }
        if self.token_input == "characters":
            options["char_cnn"] = {
                "activation": self.hidden_act,
                "filters": [list(group) for group in self.character_filters],
                "n_highway": self.num_highway_layers,
                "embedding": {"dim": self.character_embedding_size},
                "n_characters": self.character_vocab_size,
                "max_characters_per_token": self.max_characters_per_token,
            }
        # Of a language model; the files of an encoder need not say anything about its training.
        if self.num_negative_samples != type(self).num_negative_samples:
            options["n_negative_samples_batch"] = self.num_negative_samples
        if self.tie_word_embeddings:
            options["share_embedding_softmax"] = True
        # Without a vocabulary there is nothing to say, unless the training options say it.
        if self.vocab_size != type(self).vocab_size:
            options["n_tokens_vocab"] = self.vocab_size - NUM_APPENDED_TOKENS
        options["dropout"] = self.lstm_dropout
        return options


def _check_fields(cls: type[ElmoConfig], fields: Mapping[str, Any]) -> None:
    """Raises `ValueError` if a file has what is no field, but would act on the config or on transformers as one."""
    if fields.get("model_type", cls.model_type) != cls.model_type:
        raise ValueError(f"config.json: model_type: expected {cls.model_type!r}, found {_short(fields['model_type'])}")
    for name in ("id2label", "label2id"):
        if not isinstance(fields.get(name), (dict, type(None))):
            raise ValueError(f"config.json: {name}: expected an object, found {_short(fields[name])}")
    names = {each.name for each in dataclass_fields(cls)} | {"model_type"}
    for name, value in fields.items():
        is_own = name in names or isinstance(getattr(cls, name, None), property)
        if not is_own and (hasattr(cls, name) or (name in FOREIGN_FIELDS and value is not None)):
            raise ValueError(f"config.json: {name}: an ELMo config has no such field, found {_short(value)}")
        _check_types_within(name, value)


def _check_types_within(name: str, value: Any) -> None:
    """Raises `ValueError` if an object within a field has a `dtype` that is no text: transformers writes it as one."""
    if isinstance(value, dict):
        if not isinstance(value.get("dtype"), (str, type(None))):
            raise ValueError(f"config.json: {name}: dtype: expected a string, found {_short(value['dtype'])}")
        for inner in value.values():
            _check_types_within(name, inner)


def _check_range(config: ElmoConfig, name: str, least: int, most: int) -> None:
    value = getattr(config, name)
    if not least <= value <= most:
        raise ValueError(f"{name} is between {least} and {most}: found {value}")


def _character_fields(char_cnn: Mapping[str, Any]) -> dict[str, Any]:
    n_characters = _integer(char_cnn, "char_cnn", "n_characters")
    # Training writes 261; a user sets 262 for inference, when a padding id is added in front. The weights are the same.
    if n_characters not in (261, 262):
        raise ValueError(f"char_cnn.n_characters: expected 261 (training) or 262 (inference), found {n_characters}")
    filters = char_cnn.get("filters")
    is_pairs = isinstance(filters, list) and all(
        isinstance(group, list) and len(group) == 2 and all(type(size) is int for size in group) for group in filters
    )
    if not is_pairs:
        raise ValueError(f"char_cnn.filters: expected a list of [width, number] pairs, found {_short(filters)}")
    activation = char_cnn.get("activation")
    if activation not in ("relu", "tanh"):
        raise ValueError(f'char_cnn.activation: expected "relu" or "tanh", found {_short(activation)}')
    return {
        "character_embedding_size": _integer(_section(char_cnn, "embedding", "char_cnn"), "char_cnn.embedding", "dim"),
        "character_filters": filters,
        "num_highway_layers": _integer(char_cnn, "char_cnn", "n_highway", default=0),
        "hidden_act": activation,
        "max_characters_per_token": _integer(char_cnn, "char_cnn", "max_characters_per_token"),
    }


def _short(value: Any) -> str:
    return "null" if value is None else short(value)


def _section(options: Mapping[str, Any], name: str, parent: str = "") -> Mapping[str, Any]:
    path = f"{parent}.{name}".strip(".")
    if name not in options:
        raise ValueError(f"{path}: this section is missing")
    if not isinstance(options[name], Mapping):
        raise ValueError(f"{path}: expected a section (a JSON object), found {_short(options[name])}")
    return options[name]


def _integer(section: Mapping[str, Any], path: str, name: str, default: int | None = None) -> int:
    value = section.get(name)
    if value is None and default is not None:
        return default
    if type(value) is not int or not 0 <= value <= MAX_VOCAB_SIZE:
        path = f"{path}.{name}".strip(".")
        raise ValueError(f"{path}: expected an integer between 0 and {MAX_VOCAB_SIZE}, found {_short(value)}")
    return value


def _number(section: Mapping[str, Any], path: str, name: str) -> float | None:
    value = section.get(name)
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= MAX_NUMBER
    ):
        raise ValueError(f"{f'{path}.{name}'.strip('.')}: expected a number, found {_short(value)}")
    return value


def _boolean(section: Mapping[str, Any], path: str, name: str) -> bool:
    value = section.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{path}.{name}: expected true or false, found {_short(value)}")
    return bool(value)


__all__ = ["ElmoConfig"]
