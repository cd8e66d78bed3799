# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""What the scripts `run_*.py` do alike: load a model with its word vectors, train it, log ELMo's mix, save results.

Each script reads its files, tokenizes them and defines its metrics. The arguments are in `arguments.py`, and
`data_splits.py` holds out parts of the data.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from torch.utils.data import SequentialSampler
from transformers import AutoConfig, AutoTokenizer, EarlyStoppingCallback, EvalPrediction, Trainer
from transformers.trainer_utils import PredictionOutput
from transformers.utils import logging

from arguments import FineTuningArguments, ModelArguments, PretrainedArguments
from modeling_elmo import ElmoTokenizer
from modeling_elmo.files.atomic import new_file
from modeling_elmo.fine_tuning import load_word_vectors
from modeling_elmo.model.vocabulary_files import SPECIAL_TOKENS
from modeling_elmo.pretraining.checkpoints import checkpoints
from modeling_elmo.pretraining.trainer import leave_process_group


RESULTS = "all_results.json"

# Words whose character encodings a frozen ELMo caches: 200 MB for 512 values a word, as the original model has them.
NUM_CACHED_WORDS = 100_000

# Models whose tokens include the space before a word. They accept words that are already split only with this option.
SPACE_IN_TOKENS = {"bloom", "deberta", "gpt2", "longformer", "roberta"}


def find_checkpoint(training: FineTuningArguments) -> str | None:
    """Returns the checkpoint to resume from. Raises `ValueError` if the run would overwrite another one."""
    directory, asked = Path(training.output_dir), training.resume_from_checkpoint
    found = checkpoints(directory)
    if not training.do_train or asked not in (None, "true"):
        return asked
    if asked == "true":
        # `Trainer` writes this file last: a checkpoint without it is incomplete.
        complete = [str(path) for path in found if (path / "trainer_state.json").is_file()]
        return complete[-1] if complete else None
    if found or (directory / RESULTS).exists():
        raise ValueError(
            f"output_dir: {directory} contains another run; pass --resume_from_checkpoint true to resume it, or "
            "another directory"
        )
    return None


def load_config(arguments: PretrainedArguments, **changed: Any) -> Any:
    """Loads the config of a model, with some of its fields changed."""
    return AutoConfig.from_pretrained(
        arguments.model_name_or_path, trust_remote_code=arguments.trust_remote_code, **changed
    )


def load_tokenizer(arguments: PretrainedArguments, model_type: str) -> Any:
    """Loads a fast tokenizer: one that knows the word and the characters of each token."""
    name = arguments.tokenizer_name or arguments.model_name_or_path
    options = {"add_prefix_space": True} if model_type in SPACE_IN_TOKENS else {}
    tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=arguments.trust_remote_code, **options)
    if not tokenizer.is_fast:
        raise ValueError(f"{name}: expected a fast tokenizer, found {type(tokenizer).__name__}")
    return tokenizer


def max_length_of(tokenizer: Any, asked: int | None) -> int | None:
    """Returns the maximum number of tokens of a text; `None` if there is none, as for ELMo."""
    known = tokenizer.model_max_length if tokenizer.model_max_length < 1_000_000 else None
    return asked or known if asked is None or known is None else min(asked, known)


class Loaded(NamedTuple):
    """A tokenizer, a model, the names of its new weights, and how many words have a static vector."""

    tokenizer: Any
    model: Any
    new_weights: set[str]
    word_vector_counts: dict[str, int]


def load_model(
    auto_class: Any,
    arguments: ModelArguments,
    is_new: bool,
    fields: dict[str, Any],
    texts: Iterable[str | list[str]],
    elmo_fields: dict[str, Any] | None = None,
) -> Loaded:
    """Loads a task model.

    Args:
        auto_class: The Auto class of the model.
        arguments ([`ModelArguments`]): Which model to load, and how an ELMo enters it.
        is_new (`bool`): Whether to train the model: the fields of the config below are then set.
        fields (`dict`): Fields of any model's config, such as `id2label`.
        texts (`Iterable`): The texts of the data, as strings or words: the vocabulary of static word vectors.
        elmo_fields (`dict`, *optional*): Fields of an ELMo's config.

    Raises:
        `ValueError`: If the arguments do not fit the model.
    """
    config = load_config(arguments)
    tokenizer = load_tokenizer(arguments, config.model_type)
    is_elmo = config.model_type == "elmo"
    changed = dict(fields) if is_new else {}
    matrix, counts = None, {}
    if is_elmo:
        changed |= arguments.elmo_fields(config.num_hidden_layers) | (elmo_fields or {} if is_new else {})
        if is_new and (arguments.word_vectors is not None or arguments.word_vector_size):
            tokenizer = with_vocabulary(tokenizer, config, texts, has_file=arguments.word_vectors is not None)
            changed |= {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
            if arguments.word_vectors is not None:
                matrix, found = load_word_vectors(arguments.word_vectors, tokenizer)
                changed["word_vector_size"] = matrix.shape[1]
                counts = {f"word_vector_{name}": value for name, value in vars(found).items()}
    elif names := arguments.given_for_elmo():
        raise ValueError(f"{', '.join(names)}: only for ELMo, found a model of the type {config.model_type}")
    verbosity = logging.get_verbosity()
    if is_new:
        # transformers would list the weights of the new head.
        logging.set_verbosity_error()
    try:
        model, loading = auto_class.from_pretrained(
            arguments.model_name_or_path,
            config=load_config(arguments, **changed),
            trust_remote_code=arguments.trust_remote_code,
            output_loading_info=True,
        )
    except RuntimeError as error:
        if "ignore_mismatched_sizes" not in str(error):
            raise
        raise ValueError(
            f"{arguments.model_name_or_path}: the head does not fit the labels of the training data or the arguments; "
            "start from a model without a head"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    if matrix is not None:
        model.set_word_vectors(matrix)
    if is_elmo and model.config.freeze_bilm:
        model.elmo.cache_texts(int(arguments.text_cache_gb * 10**9))
        if config.reads_characters:
            model.elmo.cache_vocabulary(max_new_words=NUM_CACHED_WORDS)
    elif arguments.freeze:
        model.base_model.requires_grad_(False)
    return Loaded(tokenizer, model, set(loading["missing_keys"]), counts)


def with_vocabulary(tokenizer: Any, config: Any, texts: Iterable[str | list[str]], has_file: bool) -> Any:
    """Returns a tokenizer with the words of the texts: static vectors need word ids.

    A tokenizer with a vocabulary is returned as it is, unless vectors come from a file: it may have words of the texts
    that the vocabulary of the ELMo lacks.
    """
    num_words = len(tokenizer) - len(set(tokenizer.all_special_ids))
    if (num_words and not has_file) or not isinstance(tokenizer, ElmoTokenizer) or config.reads_words:
        return tokenizer
    words: dict[str, None] = {}
    for text in texts:
        words |= dict.fromkeys(text if isinstance(text, list) else tokenizer.split_words([text])[0])
    known = dict.fromkeys([tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token])
    if num_words:
        known = dict.fromkeys(tokenizer.get_words()[: tokenizer.num_words])
    others = words.keys() - {"", *tokenizer.all_special_tokens, *known}
    vocabulary = [*known, *(word for word in words if word in others)]
    names = {name: getattr(tokenizer, name) for name in SPECIAL_TOKENS}
    return ElmoTokenizer(vocab=vocabulary, **names, **tokenizer.character_settings())


class MixTrainer(Trainer):
    """`Trainer` that also logs the share of each of ELMo's layers, and evaluates examples in their order."""

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Adds the shares to what is logged."""
        super().log({**logs, **mix_shares(self.accelerator.unwrap_model(self.model))}, *args, **kwargs)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Of evaluations with the same metric, the one with the lowest loss is the best."""
        if super()._determine_best_metric(metrics, trial):
            return True
        state = self.state
        name = "eval_" + self.args.metric_for_best_model.removeprefix("eval_")
        logged = [each for each in state.log_history if each["step"] == state.best_global_step and "eval_loss" in each]
        if metrics[name] != state.best_metric or not logged or metrics["eval_loss"] >= logged[-1]["eval_loss"]:
            return False
        state.best_global_step = state.global_step
        return True

    def _get_eval_sampler(self, eval_dataset: Any) -> SequentialSampler | None:
        # The base class applies `group_by_length` to evaluation, too: predictions would be out of order.
        return None if eval_dataset is None else SequentialSampler(eval_dataset)


def mix_shares(model: Any) -> dict[str, float]:
    """Returns the share of each layer, the softmax of its weight, in the mixes that an ELMo learns."""
    config = model.config
    if config.model_type != "elmo":
        return {}
    mixes = model.elmo.scalar_mixes[: config.elmo_at_input + config.elmo_at_output]
    return {
        f"mix_share_{number}_{layer}": share
        for number, mix in enumerate(mixes)
        if mix.fixed_weight is None
        for layer, share in enumerate(mix.weight.detach().float().softmax(dim=0).tolist())
    }


def make_trainer(model: Any, training: FineTuningArguments, metric: str, **kwargs: Any) -> MixTrainer:
    """Makes a trainer that keeps the model of the epoch with the highest `metric` and stops when it no longer rises."""
    if training.label_smoothing_factor and model.config.model_type == "elmo":
        raise ValueError(
            "label_smoothing_factor: must be 0 for an ELMo: `Trainer` would replace the model's loss, which includes "
            f"the CRF and the penalty on the mix weights; found {training.label_smoothing_factor:g}"
        )
    if not kwargs["eval_dataset"]:
        training.eval_strategy, training.load_best_model_at_end = "no", False
    if not training.has_own_metric:
        training.metric_for_best_model, training.greater_is_better = metric, True
    patience = training.early_stopping_patience if kwargs["eval_dataset"] and training.eval_strategy != "no" else 0
    callbacks = [EarlyStoppingCallback(patience)] if patience else []
    return MixTrainer(model=model, args=training, callbacks=callbacks, **kwargs)


def train_and_evaluate(trainer: MixTrainer, checkpoint: str | None, num_examples: int) -> dict[str, Any]:
    """Trains the model and saves it, then evaluates it, as far as the arguments ask for it. Returns the results."""
    training: Any = trainer.args
    results: dict[str, Any] = {}
    if training.do_train:
        outcome = trainer.train(resume_from_checkpoint=checkpoint)
        trainer.save_model()
        trainer.save_state()
        results = {"seed": training.seed, "train_samples": num_examples, "epoch": trainer.state.epoch}
        results["trained_parameters"] = trainer.get_num_trainable_parameters()
        results |= {name: value for name, value in outcome.metrics.items() if name.startswith("train_")}
        results |= {f"final_{name}": value for name, value in mix_shares(trainer.model).items()}
    if trainer.eval_dataset and (training.do_train or training.evaluates):
        results |= trainer.evaluate()
    return results


def run_trainer(
    trainer: MixTrainer,
    checkpoint: str | None,
    num_examples: int,
    counts: dict[str, Any],
    test_dataset: Any,
    write_predictions: Callable[[PredictionOutput], None],
    test_metrics: Callable[[EvalPrediction], dict[str, float]] | None = None,
) -> dict[str, Any]:
    """Trains, evaluates and predicts, as far as the arguments ask for it; saves the results and returns them.

    Args:
        trainer (`MixTrainer`): The trainer, with the training and the validation data.
        checkpoint (`str`, *optional*): Where training resumes.
        num_examples (`int`): The number of training examples.
        counts (`dict[str, Any]`): Results so far.
        test_dataset: The features of the test data.
        write_predictions (`Callable`): Writes what was predicted for them; called in one process.
        test_metrics (`Callable`, *optional*): Computes their metrics, if not as those of the validation data.
    """
    results = counts | train_and_evaluate(trainer, checkpoint, num_examples)
    if trainer.args.do_predict:
        trainer.compute_metrics = test_metrics or trainer.compute_metrics
        output = trainer.predict(test_dataset, metric_key_prefix="test")
        results |= output.metrics or {}
        if trainer.is_world_process_zero():
            write_predictions(output)
    save_results(trainer, results)
    return results


def save_results(trainer: MixTrainer, results: dict[str, Any]) -> None:
    """Writes `all_results.json` and prints what it contains. The trainer can't be used again."""
    if trainer.is_world_process_zero():
        with new_file(Path(trainer.args.output_dir, RESULTS)) as path:
            path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        print_results(results)
    leave_process_group(trainer)


def print_results(results: dict[str, Any]) -> None:
    """Prints the values of a run, one per line."""
    for name, value in results.items():
        if isinstance(value, (int, float)):
            print(f"{name:<40}{value:>14,.4f}" if isinstance(value, float) else f"{name:<40}{value:>14,}")
