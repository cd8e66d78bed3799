# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""ELMo configuration.

`ElmoConfig` holds every setting that defines an ELMo model and checks that the settings are consistent. What a
`config.json` may contain is checked in `loading_checks.py`; which code is saved with it is decided in `saved_code.py`.
"""

import copy
import os
import shutil
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig
from transformers.utils import auto_docstring, logging

from .characters import BEGIN_SENTENCE, END_SENTENCE, MAX_CHARACTER_VOCAB_SIZE, MAX_CHARACTERS, PAD_CHARACTER
from .label_schemes import MARKS, check_decodable
from .loading_checks import MAX_CONFIG_BYTES, abbreviated, checked_config_fields, read_json_object
from .saved_code import AUTO_MAP, FORMER_MODULES, code_files, module_of


logger = logging.get_logger(__name__)

# `<PAD>` and `<MASK>` follow the vocabulary; the original vocabulary files have neither.
NUM_APPENDED_TOKENS = 2

# Positions with this label are left out of a loss, as in torch.nn.functional.cross_entropy.
IGNORED_LABEL = -100

# Bounds far above any real model. A size beyond them is a mistake or an attack, and is refused before memory is
# allocated for it.
MAX_SIZE = 1_000_000
MAX_VOCAB_SIZE = 100_000_000
MAX_DEPTH = 1_000
MAX_LABELS = 100_000

# Accepted dtypes of weights.
DTYPES = ("float32", "bfloat16", "float16", "float64")

# Ids of models that read bytes: 256 bytes, five marks, of which these are the ones that models know, and padding.
BYTE_CHARACTERS = {
    "character_vocab_size": 262,
    "pad_character_id": PAD_CHARACTER,
    "bos_character_id": BEGIN_SENTENCE,
    "eos_character_id": END_SENTENCE,
}

# Fields that most models leave at these defaults; `config.json` then lacks them.
SELDOM_SET = {
    "character_unit": "byte",
    **{name: id for name, id in BYTE_CHARACTERS.items() if name != "character_vocab_size"},
    "character_projection": None,
    "lstm_projection": None,
    "word_embedding_size": None,
    "allows_no_answer": False,
}

# Just below the greatest float32. Greater values turn vectors into NaN.
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
        Number of word ids, including special tokens. A model that reads characters has no weights of this size.
    token_input (`str`, *optional*, defaults to `"characters"`):
        What the first layer reads: `"characters"` (character CNN), `"words"` (an embedding table over word ids), or
        `"characters_and_words"` (both, joined and projected, as in ELMoForManyLangs).
    word_embedding_size (`int`, *optional*):
        Size of a row of the word table, where a projection follows it. By default a row is a whole token embedding, of
        `projection_size`. Required with `"characters_and_words"`.
    character_unit (`str`, *optional*, defaults to `"byte"`):
        What a character is: a `"byte"` of UTF-8, or a Unicode `"code_point"` of the tokenizer's `characters.json`.
    character_vocab_size (`int`, *optional*, defaults to 262):
        Number of character ids. 0 is for positions without a word. Of bytes, 1 to 256 are bytes plus one, and 257 to
        261 are marks: always 262.
    pad_character_id (`int`, *optional*, defaults to 261):
        The character that fills up the row of a word. Like the next two, fixed unless characters are code points.
    bos_character_id (`int`, *optional*, defaults to 257):
        The only character of the word that begins a sentence.
    eos_character_id (`int`, *optional*, defaults to 258):
        The only character of the word that ends a sentence.
    max_characters_per_token (`int`, *optional*, defaults to 50):
        Length of a row of character ids. A word keeps at most this many characters minus two.
    character_embedding_size (`int`, *optional*, defaults to 16):
        Size of a character embedding.
    character_filters (`list[list[int]]`, *optional*):
        `[width, number]` of each group of convolution filters. Defaults to the 2,048 filters of the published models.
    num_highway_layers (`int`, *optional*, defaults to 2):
        Number of highway layers after the convolutions; may be 0.
    hidden_act (`str`, *optional*, defaults to `"relu"`):
        Activation after max-pooling: `"relu"` or `"tanh"`. Highway layers always use relu.
    character_projection (`bool`, *optional*):
        Whether a linear map follows the highway layers. By default, only where their output does not have the size
        `projection_size`, as in the published English models. Its input begins with the embedding of the word, if the
        model reads both.
    num_hidden_layers (`int`, *optional*, defaults to 2):
        Number of bidirectional LSTM layers.
    cell_size (`int`, *optional*, defaults to 4096):
        Number of LSTM cells per direction and layer.
    projection_size (`int`, *optional*, defaults to 512):
        Size of a token embedding and of the output of one direction.
    lstm_projection (`bool`, *optional*):
        Whether a linear map makes the LSTMs' output. By default, only where `projection_size` is not `cell_size`, as in
        the published English models.
    cell_clip (`float`, *optional*, defaults to 3.0):
        Bound of the LSTM's cell state, which is clipped to plus or minus this value; `None` for no clipping.
    projection_clip (`float`, *optional*, defaults to 3.0):
        Bound of the projected output, likewise. Unused without a projection, as in TensorFlow's `LSTMCell`.
    use_skip_connections (`bool`, *optional*, defaults to `True`):
        Whether each layer from the second on adds its input to its output.
    forget_bias (`float`, *optional*, defaults to 1.0):
        Added to the forget gate when it is computed. TensorFlow does this without storing it in the bias.
    lstm_dropout (`float`, *optional*, defaults to 0.0):
        Dropout on the input of every LSTM layer, applied while the biLM is trained.
    num_output_representations (`int`, *optional*, defaults to 1):
        Number of scalar mixes, each with its own weights.
    mix_layer_norm (`bool`, *optional*, defaults to `False`):
        Whether each layer is normalised before it is mixed, with one mean and variance over all real tokens of the
        batch (AllenNLP's `do_layer_norm`).
    mix_parameters (`list[float]`, *optional*):
        Fixed mix weights before the softmax: one for the token embedding, then one per LSTM layer. The mixes then have
        no trainable weights. `[-9e10, 1, -9e10]` selects the first of two LSTM layers. AllenNLP's
        `scalar_mix_parameters`.
    representation_dropout (`float`, *optional*, defaults to 0.5):
        Dropout on the ELMo vectors. The default is AllenNLP's.
    freeze_bilm (`bool`, *optional*, defaults to `True`):
        Whether the biLM's weights are frozen when a model is created or loaded, as in the paper.
    training_options (`dict`, *optional*):
        Options of the original `options.json` that describe training, not the architecture. Kept for export.
    num_negative_samples (`int`, *optional*, defaults to 8192):
        Language models: number of words that the sampled softmax compares with the correct one; 0 for a full softmax.
    tie_word_embeddings (`bool`, *optional*, defaults to `False`):
        Language models that read words: whether the softmax shares the weights of the word embeddings.
    elmo_at_input (`bool`, *optional*, defaults to `True`):
        Task models: whether the input includes the ELMo vectors, [x; ELMo] in the paper.
    elmo_at_output (`bool`, *optional*, defaults to `False`):
        Task models: whether a second mix of the layers is concatenated to the output of the first BiLSTM, [h; ELMo'] in
        the paper, which found it to help where attention follows (entailment, question answering). Task models raise
        `num_output_representations` as needed.
    mix_l2 (`float`, *optional*, defaults to 0.001):
        Task models: lambda of the penalty lambda * ||w||^2 on the mix weights before the softmax, added to the training
        loss once per step. A large value keeps the mix near an average. The default is the paper's usual value.
    word_vector_size (`int`, *optional*, defaults to 0):
        Task models: size of static word embeddings x, looked up by word id and concatenated to the ELMo vectors; 0 for
        none. They are random until `set_word_vectors` replaces them with those of a file (`load_word_vectors`).
    freeze_word_vectors (`bool`, *optional*, defaults to `True`):
        Task models: whether the static word embeddings are frozen.
    task_lstm_layers (`int`, *optional*, defaults to 1):
        Task models: number of BiLSTM layers. 0 makes a probe: no LSTMs, no hidden layer before the scores.
    task_lstm_size (`int`, *optional*, defaults to 200):
        Task models: LSTM cells per direction, and half the size of the hidden layers. The default is that of the
        paper's model for named entities.
    task_dropout (`float`, *optional*, defaults to 0.5):
        Task models: dropout on static word embeddings, on LSTM outputs before a classifier or attention within a text,
        on pooled texts and on hidden layers. The default is that of the paper's models.
    pooling (`list[str]`, *optional*, defaults to `["attention", "max", "mean"]`):
        Sequence classification and multiple choice: how the words of a text become one vector, one or more of
        `"attention"`, `"max"` and `"mean"`.
    num_segments (`int`, *optional*, defaults to 1):
        Sequence classification: 1 to classify texts, 2 to classify pairs of texts. These are different models.
    allows_no_answer (`bool`, *optional*, defaults to `False`):
        Question answering: whether a question may have no answer in its context, as in SQuAD 2.0. The model then
        compares the two texts and scores this outcome, too.
    use_crf (`bool`, *optional*, defaults to `False`):
        Token classification and semantic roles: whether a conditional random field scores the labels of a sentence
        jointly.
    label_scheme (`str`, *optional*):
        Token classification with `use_crf`, and semantic roles: `"IOB1"`, `"BIO"` (IOB2), `"BIOES"` or `"BILOU"`, the
        scheme of the names in `id2label`, to which decoded labels then conform. By default, any label may follow any
        other.
    pad_token_id (`int`, *optional*):
        Word id of `<PAD>`. Defaults to the first id after the vocabulary, `vocab_size` minus two.

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
    token_input: Literal["characters", "words", "characters_and_words"] = "characters"
    word_embedding_size: int | None = None
    character_unit: Literal["byte", "code_point"] = "byte"
    character_vocab_size: int = 262
    pad_character_id: int = PAD_CHARACTER
    bos_character_id: int = BEGIN_SENTENCE
    eos_character_id: int = END_SENTENCE
    max_characters_per_token: int = 50
    character_embedding_size: int = 16
    character_filters: list[list[int]] = field(
        default_factory=lambda: [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]]
    )
    num_highway_layers: int = 2
    hidden_act: Literal["relu", "tanh"] = "relu"
    character_projection: bool | None = None
    num_hidden_layers: int = 2
    cell_size: int = 4096
    projection_size: int = 512
    lstm_projection: bool | None = None
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
    allows_no_answer: bool = False
    use_crf: bool = False
    label_scheme: Literal["IOB1", "BIO", "BIOES", "BILOU"] | None = None
    bos_token_id: int | None = 0
    eos_token_id: int | None = 1
    pad_token_id: int | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        if self.pad_token_id is None and self.vocab_size > NUM_APPENDED_TOKENS:
            self.pad_token_id = self.vocab_size - NUM_APPENDED_TOKENS
        if kwargs.get("num_labels", 0) is None:
            del kwargs["num_labels"]
        _check_num_labels(kwargs.get("num_labels"), self.id2label)
        self.validate_dtype()
        super().__post_init__(**kwargs)
        # Not a `validate_*`: models that earlier versions saved keep what they were trained with.
        _check_labels_of_scheme(self)

    @property
    def hidden_size(self) -> int:
        """`int`: Size of an ELMo vector, its forward and backward halves together."""
        return 2 * self.projection_size

    @hidden_size.setter
    def hidden_size(self, value: int) -> None:
        if value != self.hidden_size:
            raise ValueError(
                f"hidden_size must be 2 * projection_size, got hidden_size={value!r} and "
                f"projection_size={self.projection_size}"
            )

    @property
    def num_character_filters(self) -> int:
        """`int`: Number of convolution filters of all widths."""
        return sum(number for _, number in self.character_filters)

    @property
    def reads_characters(self) -> bool:
        """`bool`: Whether the token embedding depends on `character_ids`."""
        return self.token_input != "words"

    @property
    def reads_words(self) -> bool:
        """`bool`: Whether the token embedding depends on `input_ids`."""
        return self.token_input != "characters"

    @property
    def word_row_size(self) -> int:
        """`int`: Size of a row of the word table, 0 without one."""
        if not self.reads_words:
            return 0
        return self.projection_size if self.word_embedding_size is None else self.word_embedding_size

    @property
    def character_features(self) -> int:
        """`int`: Size of what the character CNN's projection reads: its filters, and the word's embedding if any."""
        return self.num_character_filters + self.word_row_size

    @property
    def has_character_projection(self) -> bool:
        """`bool`: Whether a linear map follows the CNN. bilm-tf omits it where the sizes already agree."""
        if self.character_projection is None:
            return self.character_features != self.projection_size
        return self.character_projection

    @property
    def has_lstm_projection(self) -> bool:
        """`bool`: Whether the LSTMs project their output."""
        return self.projection_size < self.cell_size if self.lstm_projection is None else self.lstm_projection

    def validate_architecture(self) -> None:
        """Checks sizes and their consistency. Raises `ValueError` with the values found."""
        _check_range(self, "vocab_size", 1, MAX_VOCAB_SIZE)
        for name in ("character_embedding_size", "cell_size", "projection_size"):
            _check_range(self, name, 1, MAX_SIZE)
        # A boundary token is three characters long.
        _check_range(self, "max_characters_per_token", 3, MAX_CHARACTERS)
        for name, least in (("num_hidden_layers", 1), ("num_highway_layers", 0), ("num_output_representations", 1)):
            _check_range(self, name, least, MAX_DEPTH)
        for name in ("lstm_dropout", "representation_dropout"):
            _check_dropout(self, name)
        for name in ("cell_clip", "projection_clip"):
            clip = getattr(self, name)
            if clip is not None and not 0 < clip <= MAX_NUMBER:
                raise ValueError(f"{name} must be a positive number or None, got {abbreviated(clip)}")
        if self.projection_size > self.cell_size:
            raise ValueError(
                f"projection_size must not exceed cell_size, got projection_size={self.projection_size} and "
                f"cell_size={self.cell_size}"
            )
        if self.lstm_projection is False and self.projection_size != self.cell_size:
            raise ValueError(
                f"lstm_projection=False requires projection_size to equal cell_size, got {self.projection_size} and "
                f"{self.cell_size}"
            )
        if self.mix_parameters is not None and len(self.mix_parameters) != self.num_hidden_layers + 1:
            raise ValueError(
                "mix_parameters must have one value for the token embedding and one per LSTM layer, got "
                f"{len(self.mix_parameters)} values and num_hidden_layers={self.num_hidden_layers}"
            )
        for name, values in (("mix_parameters", self.mix_parameters or []), ("forget_bias", [self.forget_bias])):
            if not all(abs(value) <= MAX_NUMBER for value in values):
                raise ValueError(f"{name} must be finite, got {abbreviated(values)}")
        _check_word_table(self)
        _check_character_ids(self)
        _check_character_filters(self)

    def validate_dtype(self) -> None:
        """Checks the dtype of the weights. Raises `ValueError` with the value found."""
        if self.dtype is not None and str(self.dtype).removeprefix("torch.") not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {abbreviated(self.dtype)}")

    def validate_language_model(self) -> None:
        """Checks the fields of language models. Raises `ValueError` with the values found."""
        _check_range(self, "num_negative_samples", 0, MAX_VOCAB_SIZE)
        if self.tie_word_embeddings and self.token_input != "words":
            raise ValueError(f"tie_word_embeddings requires token_input='words', got {self.token_input!r}")
        if self.tie_word_embeddings and self.word_embedding_size is not None:
            raise ValueError(
                f"tie_word_embeddings requires word_embedding_size=None, got {self.word_embedding_size}: a softmax "
                "reads what the projection gives"
            )

    def validate_task_layers(self) -> None:
        """Checks the fields of task models. Raises `ValueError` with the values found."""
        _check_range(self, "word_vector_size", 0, MAX_SIZE)
        _check_range(self, "task_lstm_layers", 0, MAX_DEPTH)
        _check_range(self, "task_lstm_size", 1, MAX_SIZE)
        _check_dropout(self, "task_dropout")
        if not 0 <= self.mix_l2 <= MAX_NUMBER:
            raise ValueError(f"mix_l2 must be at least 0 and finite, got {abbreviated(self.mix_l2)}")
        if not self.pooling or len(set(self.pooling)) != len(self.pooling):
            raise ValueError(f"pooling must list one or more of attention, max and mean, each once, got {self.pooling}")
        if not self.elmo_at_input and not self.word_vector_size:
            raise ValueError("a task model needs an input: set elmo_at_input=True or word_vector_size > 0")

    def to_diff_dict(self) -> dict[str, Any]:
        fields = super().to_diff_dict()
        return {name: value for name, value in fields.items() if SELDOM_SET.get(name, ...) != value}

    @classmethod
    def _dict_from_json_file(cls, json_file: str | os.PathLike) -> dict[str, Any]:
        fields = read_json_object(json_file, MAX_CONFIG_BYTES)
        # Infinity and NaN are stored as objects.
        fields = {name: cls._decode_special_floats(value) for name, value in fields.items()}
        # Otherwise transformers infers the dtype from the checkpoint.
        dtype = fields.pop("dtype", None) or fields.pop("torch_dtype", None) or "float32"
        return {**fields, "dtype": dtype}

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        # Every loader of transformers comes here, also those that have read the file themselves.
        config_dict = checked_config_fields(cls, config_dict)
        scheme = _replace_labels(config_dict, kwargs)
        # The base class sets changed fields one by one and checks only their types.
        loaded = super().from_dict(config_dict, **kwargs)
        config = loaded[0] if isinstance(loaded, tuple) else loaded
        config.label_scheme = scheme or config.label_scheme
        config.validate()
        return loaded

    def save_pretrained(self, save_directory: str | os.PathLike, push_to_hub: bool = False, **kwargs: Any) -> None:
        """As `PreTrainedConfig.save_pretrained`, but also saves the code of every ELMo class, and an `auto_map` through
        which the Auto classes find it."""
        # Without the package, transformers caches only the code that each class needs, so this file's folder may lack
        # the code of models. A model that saves its config sets `code_file` to its own file.
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


def _replace_labels(fields: dict[str, Any], changes: dict[str, Any]) -> str | None:
    """Replaces the labels of a file by those passed to `from_pretrained`, even if their number differs.

    Returns the label scheme of a saved tagger of which some labels can't be decoded: it is loaded as it was trained.
    """
    saved, saved_scheme = fields.get("id2label"), None
    if changes.get("id2label") is not None:
        fields.update(id2label=changes["id2label"], label2id=changes.get("label2id"))
    elif changes.get("num_labels") not in (None, len(saved or ())):
        fields.update(id2label=None, label2id=None)
    # They are checked together with the labels.
    fields.update({name: changes[name] for name in ("use_crf", "label_scheme") if name in changes})
    scheme, labels = fields.get("label_scheme"), fields.get("id2label") or {0: "LABEL_0"}
    if isinstance(scheme, str) and scheme in MARKS and "label_scheme" not in changes:
        try:
            check_decodable(labels.values(), scheme)
        except ValueError as error:
            is_saved = labels is saved
            logger.warning_once(f"The saved label_scheme {'is kept' if is_saved else 'is dropped'}: {error}.")
            saved_scheme, fields["label_scheme"] = (scheme if is_saved else None), None
    return saved_scheme


def _check_num_labels(num_labels: Any, id2label: dict[int, str] | None) -> None:
    if num_labels is not None and (type(num_labels) is not int or not 0 <= num_labels <= MAX_LABELS):
        # transformers makes a name for each label before it validates anything.
        raise ValueError(f"num_labels must be between 0 and {MAX_LABELS}, got {abbreviated(num_labels)}")
    if id2label is not None and num_labels not in (None, len(id2label)):
        # transformers would warn, and ignore num_labels.
        raise ValueError(f"num_labels must match id2label, got num_labels={num_labels} and {len(id2label)} names")


def _check_labels_of_scheme(config: ElmoConfig) -> None:
    if isinstance(config.label_scheme, str) and config.label_scheme in MARKS:
        try:
            check_decodable(config.id2label.values(), config.label_scheme)
        except ValueError as error:
            raise ValueError(f"id2label: {error}") from error


def _check_range(config: ElmoConfig, name: str, least: int, most: int) -> None:
    value = getattr(config, name)
    if not least <= value <= most:
        raise ValueError(f"{name} must be between {least} and {most}, got {value}")


def _check_dropout(config: ElmoConfig, name: str) -> None:
    if not 0 <= getattr(config, name) < 1:
        raise ValueError(f"{name} must be at least 0 and less than 1, got {getattr(config, name)}")


def _check_character_filters(config: ElmoConfig) -> None:
    # The config of a word model has these fields too, so they are always checked.
    if not 1 <= len(config.character_filters) <= MAX_DEPTH:
        raise ValueError(f"character_filters must have 1 to {MAX_DEPTH} groups, got {len(config.character_filters)}")
    for group in config.character_filters:
        if len(group) != 2 or not all(1 <= size <= MAX_SIZE for size in group):
            raise ValueError(
                f"character_filters must be [width, number] pairs of 1 to {MAX_SIZE}, got {abbreviated(group)}"
            )
    if config.num_character_filters > MAX_SIZE:
        raise ValueError(f"character_filters must have at most {MAX_SIZE} filters, got {config.num_character_filters}")
    if config.character_projection is False and config.character_features != config.projection_size:
        raise ValueError(
            f"character_projection=False requires as many filters as projection_size, got "
            f"{config.character_features} and {config.projection_size}"
        )
    widest = max(width for width, _ in config.character_filters)
    if widest > config.max_characters_per_token:
        raise ValueError(
            "max_characters_per_token must not be less than the widest filter, got "
            f"{config.max_characters_per_token} and a filter of width {widest}"
        )


def _check_word_table(config: ElmoConfig) -> None:
    size, reads = config.word_embedding_size, config.token_input
    if size is not None:
        _check_range(config, "word_embedding_size", 1, MAX_SIZE)
    if reads == ("characters_and_words" if size is None else "characters"):
        raise ValueError(
            "word_embedding_size must be set with token_input='characters_and_words', and may be with 'words', got "
            f"{size} and {reads!r}"
        )


def _check_character_ids(config: ElmoConfig) -> None:
    if config.character_unit == "code_point":
        _check_range(config, "character_vocab_size", 1, MAX_CHARACTER_VOCAB_SIZE)
    for name, id in BYTE_CHARACTERS.items():
        if config.character_unit == "byte" and getattr(config, name) != id:
            raise ValueError(
                f"{name} must be {id} (256 bytes, 5 marks, padding) with character_unit='byte', got "
                f"{getattr(config, name)}"
            )
        if name != "character_vocab_size":
            _check_range(config, name, 1, config.character_vocab_size - 1)


__all__ = ["ElmoConfig"]
