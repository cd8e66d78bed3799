# Copyright 2026 The modeling-elmo authors.
# SPDX-License-Identifier: Apache-2.0
"""The page in a browser: its words and values are Python's, and its reader can do what it offers."""

import random
import re

import pytest
import torch
from torch.nn.functional import cosine_similarity

from modeling_elmo import ElmoForMaskedLM, ElmoModel, ElmoTokenizer
from modeling_elmo.model.characters import PAD_CHARACTER, ByteCharacters


MODEL = "models/elmo-tiny"

TEXTS = [
    *("", " ", "a", "\u00e9", "I can't, he said. So what?", "Dr. Smith's U.S. dog; don't!", "cannot gimme D'ye more'n"),
    *("See http://a.b/c?d=e, or www.x.org).", "a.b+c@d-e.co.uk, hi", "1,000 at 10:30 -- a--b...c .. '' ``", "x" * 500),
    *(
        "'Tis the Jones' and 'so' \u2018so\u2019 \u201cq\u201d can\u2019t",
        "No. 5 at 3 p.m. Louis XIV. the [1] end.[12] Then",
    ),
    *(
        "\u6f22\u5b57\u304b\u306a\u3002\u6587\u304b\u3099",
        "\u0647\u0630\u0627 \u0646\u0635\u060c \u0639\u0631\u0628\u064a\u061f",
    ),
    *(
        "\U0001f600 ok \U0001f44d\U0001f3fd!",
        "\ud800 half \udc00\ud83d",
        "a\u0085b\ufeffc\u2003d\u200be\x1cf\x00",
        "<S> </S>",
    ),
    *(
        "\u00e9" * 40,
        "\U0001f600" * 20,
        "\u017ftreet \u017f's \u212a CAN'T \u0130 \ufb03",
        "# no heading",
        "and/or #tag",
    ),
]

NO_SENTENCE = "There is no sentence yet: write one, or choose an example."

PIECES = [
    *(*"aZ s.,:'\"()-@1/&#%", "\u2019", "\u2018", "\u201d", "\u00e9", "\u0301", "\u5b57", "\u304b", "\u060c", "\u0663"),
    *("can't", "n't", "'ll", "Mr.", "No.", "J.", "www.", "http://", "\n", "\t", "\u0085", "\U0001f600", "\u017f"),
]


@pytest.fixture(scope="module")
def tokenizer():
    return ElmoTokenizer.from_pretrained(MODEL)


def test_words_are_those_of_the_python_tokenizer(visit, tokenizer):
    pick = random.Random(0)
    texts = TEXTS + ["".join(pick.choices(PIECES, k=pick.randint(1, 30))) for _ in range(2000)]
    words = visit.page.evaluate(
        """async (texts) => {
          const { Tokenizer, wellFormed } = await import("./js/tokenizer.js");
          const tokenizer = new Tokenizer(await (await fetch("data/rules.json")).json());
          return texts
            .map(wellFormed)
            .map((text) => tokenizer.split(text).map(([start, end]) => text.slice(start, end)));
        }""",
        # Playwright's protocol is UTF-8, which has no halves of surrogate pairs.
        [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts],
    )
    expected = tokenizer.split_words(
        [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
    )
    assert words == expected


def test_halves_of_surrogate_pairs_are_replaced(visit):
    text = visit.page.evaluate(
        r"""async () => (await import("./js/tokenizer.js")).wellFormed("a\ud800 \udc00\ud83d\ude00\udc00")"""
    )
    assert text == "a\ufffd \ufffd\U0001f600\ufffd"


def test_character_ids_are_those_of_the_python_tokenizer(visit, tokenizer):
    words = [word for words in tokenizer.split_words(TEXTS) for word in words]
    rows = visit.page.evaluate("""async (words) => (await import("./js/tokenizer.js")).characterRows(words)""", words)
    padded = [row + [PAD_CHARACTER] * (tokenizer.max_characters_per_token - len(row)) for row in rows]
    characters = ByteCharacters(tokenizer.max_characters_per_token)
    begin, end = characters.boundary_ids().tolist()
    assert padded == [begin, *characters.encode(words).tolist(), end]


READ = """
  async (text) => {
    const { Engine } = await import("./js/engine.js");
    const engine = new Engine();
    const next = (type) => new Promise((resolve) => engine.addEventListener(type, (event) => resolve(event.detail)));
    const [words, vectors] = [next("words"), next("vectors")];
    engine.read(text);
    const sentences = (await words).sentences.map(({ words }) => words);
    return { sentences, layers: (await vectors).vectors.map((layer) => [...layer]) };
  }
"""


@pytest.mark.filterwarnings("ignore:words longer than the 48 bytes")
def test_vectors_are_those_of_python(visit, tokenizer, tolerance):
    text = (
        "The bank of the river is steep.\nThe bank lends no money.\nHi\n"
        + "long" * 20
        + " words, na\u00efve \U0001f600 ones"
    )
    found = visit.page.evaluate(READ, text)
    model = ElmoModel.from_pretrained(MODEL).eval().requires_grad_(False)
    for depth, layer in enumerate(found["layers"]):
        rows = torch.tensor(layer).view(-1, model.config.hidden_size)
        for words in found["sentences"]:
            batch = tokenizer(words, is_split_into_words=True, return_tensors="pt")
            expected = model(**batch, output_hidden_states=True).hidden_states[depth][0, 1:-1]
            ours, rows = rows[: len(words)], rows[len(words) :]
            assert (1 - cosine_similarity(ours, expected)).max() < tolerance
            assert ours.norm().item() == pytest.approx(expected.norm().item(), rel=0.05)
        assert not len(rows)


def test_candidates_are_those_of_python(visit, tokenizer, tolerance):
    words = ["We", "sat", "on", "the", "bank", "of", "the", "river", "."]
    found = visit.page.evaluate(
        """async (words) => {
          const { Engine } = await import("./js/engine.js");
          return (await new Engine().fillIn(words, 4)).both;
        }""",
        words,
    )
    model = ElmoForMaskedLM.from_pretrained(MODEL).eval()
    expected = dict(model.substitutes(tokenizer, words, 4, 50))
    assert len(found) == 8
    for candidate in found:
        # The probability is an exponential of what the tolerance is for.
        assert candidate["probability"] == pytest.approx(expected[candidate["word"]], abs=30 * tolerance, rel=0.1)


def test_an_example_shows_its_map_neighbours_candidates_and_characters(visit):
    page = visit.page
    assert page.locator(".point").count() == 16
    assert page.locator(".point.sense-0").count() == page.locator(".point.sense-1").count() == 8
    assert re.match(r"For 1\d of 16 uses, the nearest use has the same sense", page.inner_text("#plot-caption"))
    assert page.locator("#nearest li").count() == 6
    assert page.locator("#candidates li").count() == 24
    assert page.locator("#characters .glyph").all_inner_texts()[:6] == ["begin", *"bank", "end"]


def test_layer_0_makes_one_point_of_all_uses(visit):
    def positions():
        return visit.page.eval_on_selector_all(".point", "points => points.map(point => point.style.transform)")

    assert len(set(positions())) == 16
    visit.page.fill("#depth", "0")
    assert len(set(positions())) == 1
    assert "Without context" in visit.page.inner_text("#plot-caption")
    visit.page.fill("#depth", "1.5")
    assert visit.page.get_attribute("#depth", "aria-valuetext") == "50% of layer 1, 50% of layer 2"
    assert len(set(positions())) == 16
    visit.page.fill("#depth", "2")


def test_a_click_chooses_a_word_and_a_point_a_use(visit):
    visit.word("fire").click()
    assert "The use of \u201cfire\u201d" in visit.page.inner_text("#plot-title")
    assert "three uses" in visit.page.inner_text("#plot")
    visit.page.click("text=any word")
    assert visit.page.locator("#nearest button").count() == 6
    visit.page.click("text=same word")
    visit.word("bank", 3).click()
    visit.page.locator(".point").first.click(force=True)
    assert visit.page.locator("#words [aria-pressed=true]").inner_text() == "bank"


def test_keys_choose_a_word(visit):
    visit.word("They").focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "Enter"):
        visit.page.keyboard.press(key)
    assert visit.page.locator("#words [aria-pressed=true]").inner_text() == "sat"
    assert "\u201csat\u201d" in visit.page.inner_text("#plot-title")


def test_own_sentences_have_own_senses(visit):
    visit.page.click("text=your own")
    visit.shown()
    assert visit.page.inner_text("#status") == NO_SENTENCE
    visit.write("# tool\nHe bought a new spade.\nThe spade broke.\n# cards\nShe led a spade.\nThe last spade won.")
    visit.shown()
    assert visit.page.locator(".point").count() == 4
    assert visit.page.locator("#legend .mark").all_inner_texts() == ["tool", "cards"]
    assert "\u201cspade\u201d" in visit.page.inner_text("#plot-title")


def test_the_newest_text_wins(visit):
    for number in range(5):
        visit.write("\n".join(f"Sentence {line} of text {number} is about the weather." for line in range(100)))
        visit.page.wait_for_timeout(350)
    visit.write("The last text wins.")
    visit.shown()
    assert visit.page.inner_text("#words") == "The last text wins."


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("", ""),
        (" \n\n# only a sense\n", ""),
        ("\n".join(["The bank of the river is steep, and the water is deep."] * 1000), "first 2,996 words"),
        ("word " * 10_000, "cut after 200 words"),
        ("a" * 200_000, "first 100,000 characters"),
        ("x" * 49 + " and " + "\u00e9" * 25, "2 words cut after 48 bytes"),
        ("\U0001f600 \U0001f469\u200d\U0001f467 <b>bold</b> &amp; \x00 \ufffd", ""),
        ("\u0630\u0647\u0628 \u0625\u0644\u0649 \u0627\u0644\u0628\u0646\u0643 \u0627\u0644\u064a\u0648\u0645.", ""),
    ],
    ids=["empty", "blank", "many lines", "10,000 words in a line", "one word", "long words", "emoji", "right to left"],
)
def test_a_text_of_any_kind_leaves_the_page_usable(visit, text, note):
    visit.write(text)
    visit.shown()
    if text.strip() and not text.strip().startswith("#"):
        visit.page.locator("#words button").last.click()
        assert visit.page.locator("#nearest li").count()
    else:
        assert visit.page.inner_text("#status") == NO_SENTENCE
        assert visit.page.locator("#results .card").first.is_hidden()
    assert note in visit.page.inner_text("#notes")
    assert bool(note) == bool(visit.page.inner_text("#notes"))
    visit.page.locator("#examples").get_by_text("leaves").click()
    visit.shown()
    assert visit.page.locator(".point").count() == 12


def test_a_visit_asks_only_this_server_and_for_less_than_20_mb(new_visit, serve):
    with serve() as server:
        visit = new_visit(server)
        assert visit.page.evaluate("navigator.serviceWorker.controller !== null")
        assert visit.requests
        assert all(url.startswith((server.url, f"blob:{server.url}")) for url in visit.requests)
        assert 4e6 < server.num_bytes < 20e6
        assert not visit.errors


def test_a_second_visit_needs_no_network(new_visit, serve):
    with serve() as server:
        visit = new_visit(server)
        assert visit.page.evaluate("navigator.serviceWorker.controller !== null")
        before = server.num_bytes
        visit.page.reload()
        visit.shown()
        assert server.num_bytes - before < 1e6
    visit.page.reload()
    visit.shown()
    assert visit.page.locator(".point").count() == 16


@pytest.mark.parametrize("width", [320, 390, 820, 1280])
def test_nothing_is_wider_than_the_window(visit, width):
    visit.page.set_viewport_size({"width": width, "height": 844})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width


def test_controls_have_names_and_are_one_stop_of_the_tab_key_per_group(visit):
    for selector in ("#words", "#plot"):
        assert visit.page.locator(f"{selector} [tabindex='0']").count() == 1
    nameless = visit.page.evaluate(
        """() => [...document.querySelectorAll("button, input, textarea, [role=button], progress")].filter((control) =>
          !(control.textContent.trim() || control.getAttribute("aria-label") || control.labels?.length)).length"""
    )
    assert nameless == 0
