# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch.nn import functional as F
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForPreTraining,
    AutoModelForTokenClassification,
    DataCollatorForLanguageModeling,
    pipeline,
)

from modeling_elmo import ElmoForMaskedLM, ElmoForPreTraining, ElmoTokenizer
from modeling_elmo.model.configuration_elmo import NUM_APPENDED_TOKENS


WORDS = ["<S>", "</S>", "<UNK>", "the", "cat", "sat", "on", "mat", "dog"]
TOKENIZER = ElmoTokenizer(vocab=WORDS)
SENTENCES = [["the", "cat", "sat", "on", "the", "mat"], ["dog"], []]


@pytest.fixture
def make(tiny_config):
    def make_model(model_class=ElmoForPreTraining, **fields):
        fields = {"vocab_size": len(WORDS) + NUM_APPENDED_TOKENS, "freeze_bilm": False, "lstm_dropout": 0.0, **fields}
        model = model_class(tiny_config(**fields))
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
        return model.eval()

    return make_model


def encode(sentences, **kwargs):
    return TOKENIZER(sentences, is_split_into_words=True, padding=True, return_tensors="pt", **kwargs)


def labelled(batch):
    return batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)


def log_likelihoods(model, words):
    """Forward and backward log-probabilities of each word of a sentence, word by word."""
    batch = encode([words])
    output = model(**batch)
    ids = batch["input_ids"][0].tolist()
    forward = F.log_softmax(output.forward_logits[0], -1)
    backward = F.log_softmax(output.backward_logits[0], -1)
    return (
        [float(forward[at - 1, ids[at]]) for at in range(1, len(ids))],
        [float(backward[at + 1, ids[at]]) for at in range(len(ids) - 1)],
    )


class TestElmoForPreTraining:
    @torch.no_grad()
    @pytest.mark.parametrize("side", ["left", "right"])
    def test_losses_are_the_means_over_all_words_of_the_batch(self, make, side):
        model, batch = make(), encode(SENTENCES, padding_side=side)
        output = model(**batch, labels=labelled(batch))
        forward, backward = zip(*(log_likelihoods(model, words) for words in SENTENCES))
        assert float(output.forward_loss) == pytest.approx(-np.mean(np.concatenate(forward)), abs=1e-5)
        assert float(output.backward_loss) == pytest.approx(-np.mean(np.concatenate(backward)), abs=1e-5)
        assert float(output.loss) == pytest.approx((output.forward_loss + output.backward_loss) / 2)

    @torch.no_grad()
    def test_each_direction_is_a_mean_over_its_own_predictions(self, make):
        model, batch = make(), encode([["the", "cat", "sat"]])
        labels = {"forward_labels": torch.tensor([[3, 4, 5, 1, -100]]), "backward_labels": torch.full((1, 5), -100)}
        labels["backward_labels"][0, 2] = 3
        output, (forward, backward) = model(**batch, **labels), log_likelihoods(model, ["the", "cat", "sat"])
        assert float(output.forward_loss) == pytest.approx(-np.mean(forward), abs=1e-5)
        assert float(output.backward_loss) == pytest.approx(-backward[1], abs=1e-5)
        assert float(output.loss) == pytest.approx(-(np.mean(forward) + backward[1]) / 2, abs=1e-5)

    @torch.no_grad()
    def test_dropout_falls_on_the_input_of_each_layer_and_on_what_the_last_gives(self, make, monkeypatch):
        model, batch = make(lstm_dropout=0.3, num_negative_samples=0), encode(SENTENCES[:1])
        dropped = []

        def no_dropout(values, p=0.5, training=True, inplace=False):
            dropped.append((tuple(values.shape), p, training))
            return values

        monkeypatch.setattr(F, "dropout", no_dropout)
        model.train()(**batch, labels=labelled(batch))
        num_layers = model.config.num_hidden_layers
        assert dropped == [((1, 8, 2 * model.config.projection_size), 0.3, True)] * (num_layers + 1)
        dropped.clear()
        model.eval()(**batch, labels=labelled(batch))
        assert not any(training for _, _, training in dropped)

    def test_dropout_of_what_the_last_layer_gives_changes_the_loss(self, make):
        model, batch = make(lstm_dropout=0.5, num_negative_samples=0).train(), encode(SENTENCES)
        for layer in model.elmo.layers:
            layer.dropout = 0.0
        assert len({model(**batch, labels=labelled(batch)).loss.item() for _ in range(3)}) == 3

    @torch.no_grad()
    def test_no_prediction_sees_the_word_itself(self, make):
        model = make()
        for index in range(3):
            words = ["the", "cat", "sat"]
            other = [*words[:index], "dog", *words[index + 1 :]]
            one, two = model(**encode([words])), model(**encode([other]))
            position = index + 1
            assert torch.equal(one.forward_logits[0, position - 1], two.forward_logits[0, position - 1])
            assert torch.equal(one.backward_logits[0, position + 1], two.backward_logits[0, position + 1])
            assert not torch.equal(one.forward_logits[0, position], two.forward_logits[0, position])

    @torch.no_grad()
    def test_labels_can_be_given_for_each_direction(self, make):
        model, batch = make(), encode(SENTENCES[:1])
        ids = batch["input_ids"]
        ignored = torch.full((1, 1), -100)
        explicit = model(
            **batch,
            forward_labels=torch.cat([ids[:, 1:], ignored], 1),
            backward_labels=torch.cat([ignored, ids[:, :-1]], 1),
        )
        torch.testing.assert_close(explicit.loss, model(**batch, labels=ids).loss)

    @torch.no_grad()
    def test_the_backward_direction_may_read_another_text(self, make):
        model = make()
        one, two = encode([["the", "cat", "sat"]]), encode([["dog", "on", "mat"]])
        both = model(**one, backward_character_ids=two["character_ids"])
        torch.testing.assert_close(both.forward_logits, model(**one).forward_logits)
        torch.testing.assert_close(both.backward_logits, model(**two).backward_logits)

    @torch.no_grad()
    def test_carried_state_makes_pieces_of_a_text_a_whole(self, make):
        model = make()
        batch = encode([["the", "cat", "sat", "on", "the", "mat"]])
        characters = batch["character_ids"]
        whole = model(character_ids=characters)
        first = model(character_ids=characters[:, :4], backward_character_ids=characters[:, 4:], use_cache=True)
        second = model(
            character_ids=characters[:, 4:], backward_character_ids=characters[:, :4], use_cache=True, state=first.state
        )
        torch.testing.assert_close(torch.cat([first.forward_logits, second.forward_logits], 1), whole.forward_logits)
        torch.testing.assert_close(torch.cat([second.backward_logits, first.backward_logits], 1), whole.backward_logits)

    @torch.no_grad()
    def test_segments_are_sentences_of_their_own(self, make):
        model = make()
        pair = TOKENIZER(SENTENCES[:1], [["dog"]], is_split_into_words=True, return_tensors="pt")
        if int(pair["token_type_ids"].max()) == 0:
            pytest.skip("no segments")
        output = model(**pair, labels=pair["input_ids"])
        length = int((pair["token_type_ids"] == 0).sum())
        parts = [
            model(**{name: value[:, chosen] for name, value in pair.items()}, labels=pair["input_ids"][:, chosen])
            for chosen in (slice(None, length), slice(length, None))
        ]
        counts = [length - 1, pair["input_ids"].shape[1] - length - 1]
        mean = sum(float(part.forward_loss) * count for part, count in zip(parts, counts)) / sum(counts)
        assert float(output.forward_loss) == pytest.approx(mean, abs=1e-5)

    def test_trains_all_weights_but_the_mixes(self, make):
        model, batch = make(num_negative_samples=4).train(), encode(SENTENCES)
        model(**batch, labels=labelled(batch)).loss.backward()
        without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
        assert without == {"elmo.scalar_mixes.0.weight", "elmo.scalar_mixes.0.gamma"}
        assert not any(parameter.requires_grad for parameter in model.elmo.scalar_mixes.parameters())

    def test_training_samples_and_evaluation_does_not(self, make):
        model, batch = make(num_negative_samples=3), encode(SENTENCES)
        full = [model(**batch, labels=labelled(batch)).loss.item() for _ in range(2)]
        sampled = [model.train()(**batch, labels=labelled(batch)).loss.item() for _ in range(4)]
        assert full[0] == full[1]
        assert len(set(sampled)) > 1
        model.negative_sampling_generator = torch.Generator()
        again = []
        for _ in range(2):
            model.negative_sampling_generator.manual_seed(5)
            again.append(model(**batch, labels=labelled(batch)).loss.item())
        assert again[0] == again[1]

    def test_overfits_a_few_sentences(self, make):
        model, batch = make(num_negative_samples=0).train(), encode(SENTENCES)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(150):
            optimizer.zero_grad()
            loss = model(**batch, labels=labelled(batch)).loss
            loss.backward()
            optimizer.step()
        assert float(loss) < 0.4

    def test_a_model_that_reads_words_may_share_its_embeddings(self, make, tmp_path):
        model = make(token_input="words", tie_word_embeddings=True)
        model.tie_weights()
        assert model.lm_head.weight is model.elmo.word_embedding.weight
        batch = encode(SENTENCES)
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        expected = model(**inputs, labels=labelled(batch)).loss
        model.save_pretrained(tmp_path)
        loaded = AutoModelForPreTraining.from_pretrained(tmp_path)
        assert loaded.lm_head.weight is loaded.elmo.word_embedding.weight
        torch.testing.assert_close(loaded(**inputs, labels=labelled(batch)).loss, expected)

    def test_a_model_that_reads_characters_has_no_embeddings_to_share(self, make):
        with pytest.raises(StrictDataclassError, match="tie_word_embeddings requires token_input='words'"):
            make(tie_word_embeddings=True)

    def test_saved_weights_serve_every_model(self, make, tmp_path):
        model, batch = make(), encode(SENTENCES)
        model.save_pretrained(tmp_path)
        with torch.no_grad():
            loaded = AutoModelForPreTraining.from_pretrained(tmp_path)
            assert torch.equal(loaded(**batch).forward_logits, model(**batch).forward_logits)
            masked = AutoModelForMaskedLM.from_pretrained(tmp_path)
            assert torch.equal(masked.lm_head.weight, model.lm_head.weight)
            assert torch.equal(AutoModel.from_pretrained(tmp_path)(**batch)[0], model.elmo(**batch)[0])

    @pytest.mark.parametrize("fields", [{}, {"token_input": "words"}, {"mix_parameters": [0.0, 0.0, 0.0]}])
    def test_the_softmax_is_not_missed_by_models_without_one(self, make, tmp_path, fields):
        make(**fields).save_pretrained(tmp_path)
        for auto_class in (AutoModel, AutoModelForTokenClassification):
            _, report = auto_class.from_pretrained(tmp_path, output_loading_info=True)
            assert not report["unexpected_keys"]

    @pytest.mark.parametrize("model_class", [ElmoForPreTraining, ElmoForMaskedLM])
    @pytest.mark.parametrize("fields", [{}, {"token_input": "characters_and_words", "word_embedding_size": 3}])
    def test_masked_ids_with_characters_that_are_not_are_refused(self, make, model_class, fields):
        model, features = make(model_class, **fields), [dict(TOKENIZER("the cat sat on the mat"))]
        masked = DataCollatorForLanguageModeling(
            TOKENIZER, mlm_probability=1.0, mask_replace_prob=1.0, random_replace_prob=0.0
        )
        with pytest.raises(ValueError, match="input_ids: words are masked whose characters.* mlm=False"):
            model(**masked(features))
        assert model(**DataCollatorForLanguageModeling(TOKENIZER, mlm=False)(features)).loss.isfinite()
        model(**TOKENIZER("the <MASK> sat on <MASK>", return_tensors="pt"))

    @pytest.mark.parametrize("fields", [{}, {"token_input": "words"}])
    def test_its_vocabulary_keeps_its_size(self, make, fields):
        model = make(**fields)
        for arguments in ((20,), (11, 8), (None, 8)):
            with pytest.raises(ValueError, match="new_num_tokens: expected 11, .* can't be resized"):
                model.resize_token_embeddings(*arguments)
        assert model.resize_token_embeddings(len(TOKENIZER)) is model.get_input_embeddings()
        assert model.config.vocab_size == len(TOKENIZER)

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    @pytest.mark.parametrize("model_class", [ElmoForPreTraining, ElmoForMaskedLM])
    def test_half_precision_has_a_loss_of_float32(self, make, model_class, dtype):
        model, batch = make(model_class, num_negative_samples=4), encode(SENTENCES)
        expected = float(model(**batch, labels=labelled(batch)).loss)
        loss = model.to(dtype)(**batch, labels=labelled(batch)).loss
        assert loss.dtype == torch.float32
        assert float(loss) == pytest.approx(expected, rel=0.03)
        loss.backward()
        with torch.autocast("cpu", dtype):
            loss = model.float().train()(**batch, labels=labelled(batch)).loss
        assert loss.dtype == torch.float32
        loss.backward()

    def test_returns_tuples_and_hidden_states(self, make):
        model, batch = make(), encode(SENTENCES)
        output = model(**batch, labels=labelled(batch), output_hidden_states=True)
        assert len(output.hidden_states) == model.config.num_hidden_layers + 1
        assert torch.equal(model(**batch, labels=labelled(batch), return_dict=False)[0], output.loss)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"labels": torch.full((3, 8), 9)}, "labels: expected ids from 0 to 8, or -100, found 9"),
            ({"labels": torch.full((3, 8), -1)}, "labels: expected ids from 0 to 8, or -100, found -1"),
            ({"labels": torch.zeros(3, 7, dtype=torch.long)}, r"labels: expected shape \(3, 8\), found \(3, 7\)"),
            ({"forward_labels": torch.zeros(3, 8, dtype=torch.long)}, "require one another: pass both or neither"),
            (
                {"labels": torch.zeros(3, 8).long(), "forward_labels": torch.zeros(3, 8).long()},
                "labels and forward_labels, backward_labels are mutually exclusive",
            ),
            ({"backward_character_ids": torch.ones(3, 7, 50).long()}, "the backward direction's ids: expected shape"),
        ],
    )
    def test_bad_input_is_one_clear_error(self, make, change, message):
        with pytest.raises(ValueError, match=message):
            make()(**encode(SENTENCES), **change)

    def test_a_batch_with_nothing_to_predict_has_no_loss(self, make):
        batch = encode(SENTENCES)
        output = make()(**batch, labels=torch.full_like(batch["input_ids"], -100))
        assert float(output.loss) == 0.0


class TestElmoForMaskedLM:
    @torch.no_grad()
    def test_combines_the_two_directions(self, make):
        masked, pre = make(ElmoForMaskedLM), make(ElmoForPreTraining)
        batch = encode([["the", "cat", "sat"]])
        logits, output = masked(**batch).logits[0], pre(**batch)
        ids = np.arange(len(WORDS))
        prior = torch.tensor(np.log(np.log((ids + 2) / (ids + 1)) / np.log(len(WORDS) + 1)), dtype=torch.float32)
        forward = F.log_softmax(output.forward_logits[0], -1)
        backward = F.log_softmax(output.backward_logits[0], -1)
        torch.testing.assert_close(logits[2], forward[1] + backward[3] - prior)
        # The first word has nothing to its left, the last nothing to its right.
        torch.testing.assert_close(logits[0], backward[1])
        torch.testing.assert_close(logits[4], forward[3])

    @torch.no_grad()
    def test_no_prediction_sees_the_word_itself(self, make):
        model = make(ElmoForMaskedLM)
        one, two = model(**encode([["the", "cat", "sat"]])), model(**encode([["the", "dog", "sat"]]))
        torch.testing.assert_close(one.logits[0, 2], two.logits[0, 2])
        assert not torch.allclose(one.logits[0, 1], two.logits[0, 1])

    def test_loss_is_that_of_the_labelled_words(self, make):
        model, batch = make(ElmoForMaskedLM), encode(SENTENCES)
        labels = torch.full_like(batch["input_ids"], -100)
        labels[0, 2], labels[1, 1] = 4, 8
        output = model(**batch, labels=labels)
        expected = F.cross_entropy(output.logits[[0, 1], [2, 1]], torch.tensor([4, 8]))
        torch.testing.assert_close(output.loss, expected)
        output.loss.backward()

    def test_fills_masks_in_a_pipeline(self, make, tmp_path):
        make(ElmoForMaskedLM).save_pretrained(tmp_path)
        TOKENIZER.save_pretrained(tmp_path)
        fill = pipeline("fill-mask", model=str(tmp_path), top_k=3)
        found = fill("the <MASK> sat")
        assert [answer["token_str"] in WORDS for answer in found] == [True] * 3
        assert found[0]["score"] >= found[1]["score"]
        [chosen] = fill("the <MASK> sat", targets=["mat"])
        assert (chosen["token_str"], chosen["sequence"]) == ("mat", "the mat sat")

    @pytest.mark.parametrize("reads", ["characters", "words"])
    def test_fills_masks_anywhere(self, make, tmp_path, reads):
        make(ElmoForMaskedLM, token_input=reads).save_pretrained(tmp_path)
        TOKENIZER.save_pretrained(tmp_path)
        fill = pipeline("fill-mask", model=str(tmp_path), top_k=2)
        for text in ("<MASK> cat sat", "the cat <MASK>", "<MASK>", "the cat sat on the <MASK>."):
            assert [len(answer["token_str"]) > 0 for answer in fill(text)] == [True] * 2
        first, second = fill("the <MASK> on <MASK> mat")
        assert (len(first), len(second)) == (2, 2)
        several = fill(["the <MASK> sat", "<MASK> sat on the mat"])
        for answers, text in zip(several, ["the <MASK> sat", "<MASK> sat on the mat"]):
            assert [answer["token"] for answer in answers] == [answer["token"] for answer in fill(text)]

    def test_substitutes_need_no_mask(self, make):
        model = make(ElmoForMaskedLM)
        words = ["the", "cat", "sat"]
        found = model.substitutes(TOKENIZER, words, 1, top_k=4)
        assert found == model.substitutes(TOKENIZER, ["the", "unseen", "sat"], 1, top_k=4)
        with torch.no_grad():
            scores = model(**encode([words])).logits[0, 2].softmax(-1)
        scores[:3] = 0  # <S>, </S>, <UNK>
        best = scores.topk(4)
        assert [word for word, _ in found] == [WORDS[index] for index in best.indices]
        np.testing.assert_allclose([score for _, score in found], best.values.numpy(), rtol=1e-5)
        assert model.substitutes(TOKENIZER, words, -2, top_k=4) == found
        assert len(model.substitutes(TOKENIZER, words, 1, top_k=100)) == len(WORDS) - 3
        model.train().substitutes(TOKENIZER, words, 1)
        assert model.training
        with pytest.raises(ValueError, match="index: expected the index of one of 3 words, found 3"):
            model.substitutes(TOKENIZER, words, 3)
        with pytest.raises(ValueError, match="index: expected the index of one of 0 words, found 0"):
            model.substitutes(TOKENIZER, [], 0)
        with pytest.raises(ValueError, match="tokenizer: expected the model's with 11 entries, found 10 entries"):
            model.substitutes(ElmoTokenizer(vocab=WORDS[:-1]), words, 0)
