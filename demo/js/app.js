// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// Joins the parts of the page: what the reader does, the engine that reads, the panels that show.

import { byId, element } from "./dom.js";
import { Engine } from "./engine.js";
import { EXAMPLES } from "./examples.js";
import { describeUse, showCandidates, showCharacters, showNearest } from "./panels.js";
import { Plot, senseMark } from "./plot.js";
import { MAX_USES, Reading } from "./state.js";
import { Words } from "./words.js";

/** How long to wait for the next key, in milliseconds. */
const PAUSE = 300;

/** How long the first load waits for the service worker, in milliseconds. */
const PATIENCE = 2_000;

const NUM_NEAREST = 6;

const view = { reading: null, chosen: null, uses: [], preferred: null, depth: 2 };
const words = new Words(byId("words"), (index) => choose(view.reading.uses[index]));
const plot = new Plot(byId("plot"), choose);
let engine = null;

function say(text) {
  byId("status").textContent = text;
}

/** Tells assistive technology whether the words, and the results, are still those of an older text. */
function setBusy(id, isBusy) {
  byId(id).setAttribute("aria-busy", isBusy);
}

function choose(use) {
  view.chosen = use;
  view.preferred = use.word.toLowerCase();
  const uses = view.reading.usesOf(use);
  const isSame = uses.length === view.uses.length && uses.every((other, at) => other === view.uses[at]);
  view.uses = isSame ? view.uses : uses;
  words.mark(use, uses);
  showCharacters(byId("characters"), view.reading.sentences[use.sentence], use);
  byId("results").classList.add("has-word");
  if (view.reading.layers) {
    showVectors();
    showFillIn(use);
  }
}

/** Shows all that depends on the layer. */
function showVectors() {
  const { reading, chosen, uses, depth } = view;
  showPlot();
  const isSameWord = document.querySelector("input[name=scope]:checked").value === "same";
  const found = reading.nearest(chosen, depth, isSameWord, NUM_NEAREST);
  if (found.length) {
    showNearest(byId("nearest"), reading, found, choose);
  } else {
    const text = `This is the only use of “${chosen.word}”. Compare it with any word, or add a sentence.`;
    byId("nearest").replaceChildren(element("li", { class: "empty" }, text));
  }
  const title = uses.length === 1 ? "The use" : `The ${uses.length} uses`;
  byId("plot-title").textContent = `${title} of “${chosen.word}”`;
}

function showPlot() {
  const { reading, chosen, uses, depth } = view;
  const senses = reading.senses.filter((sense) => uses.some((use) => use.sense === sense));
  byId("legend").replaceChildren(...senses.map((sense) => senseMark(sense, reading.senses)));
  if (uses.length < 3) {
    plot.say("A map needs three uses of a word. Choose another word, or add sentences.");
    byId("plot-caption").textContent = "";
    return;
  }
  plot.show({
    uses,
    points: reading.plane(uses, depth, plot.pointsOf(uses)),
    chosen,
    senses: reading.senses,
    describe: (use) => describeUse(reading, use),
    label: `Map of the uses of ${chosen.word}: arrow keys move, Enter chooses. Near points are similar uses.`,
  });
  byId("plot-caption").textContent = caption();
}

function caption() {
  const { reading, uses, depth } = view;
  const agreement = reading.agreement(uses, depth);
  const map = "Uses that are near each other on the map have similar vectors.";
  const cut = uses.length === MAX_USES ? ` Only ${MAX_USES} uses are shown.` : "";
  if (!agreement) {
    return map + cut;
  }
  if (agreement.isOnePoint) {
    return "Without context, all uses of a word have the same vector. Move the slider to the right.";
  }
  const { right, total } = agreement;
  return `For ${right} of ${total} uses, the nearest use has the same sense.${cut}`;
}

async function showFillIn(use) {
  const { reading } = view;
  try {
    const candidates = await engine.fillIn(reading.sentences[use.sentence].words, use.position);
    if (view.chosen === use && view.reading === reading) {
      showCandidates(byId("blank"), byId("candidates"), reading, use, candidates);
    }
  } catch (error) {
    say(`The candidates for this place can't be computed: ${error.message}`);
  }
}

/** Returns the use to show first: the same word as before, or the one that the text repeats most. */
function firstUse(uses) {
  const counts = new Map();
  for (const { word } of uses.filter((use) => /[\p{L}]{3}/u.test(use.word))) {
    counts.set(word.toLowerCase(), (counts.get(word.toLowerCase()) ?? 0) + 1);
  }
  const most = [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best), ["", 0])[0];
  const word = counts.has(view.preferred) ? view.preferred : most;
  return uses.find((use) => use.word.toLowerCase() === word) ?? uses[0];
}

function showWords({ detail: { sentences, notes } }) {
  const { chosen, reading } = view;
  view.reading = new Reading(sentences);
  const { uses } = view.reading;
  setBusy("words", false);
  byId("notes").replaceChildren(...notes.map((note) => element("li", {}, note)));
  words.show(view.reading);
  byId("results").classList.toggle("has-word", uses.length > 0);
  byId("words-hint").hidden = !uses.length;
  view.uses = [];
  if (!uses.length) {
    view.chosen = null;
    say("There is no sentence yet: write one, or choose an example.");
    return;
  }
  const isThere = (use) => use.word === chosen?.word && use.position === chosen.position;
  const same = reading && uses.find((use) => isThere(use) && use.sentence === chosen.sentence);
  choose(same ?? firstUse(uses));
}

function read(text) {
  setBusy("words", true);
  setBusy("results", true);
  if (view.reading) {
    view.reading.layers = null;
  }
  engine?.read(text);
}

function showEngine() {
  engine = new Engine();
  const on = (type, listener) => engine.addEventListener(type, listener);
  on("loading", ({ detail: { done, total } }) => {
    byId("loading-bar").value = Math.min(1, done / total);
    const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
    byId("loading-text").textContent =
      done < total ? `Loading the model: ${megabytes(done)} of ${megabytes(total)} MB` : "Starting the model";
  });
  on("ready", () => (byId("loading").hidden = true));
  on("words", showWords);
  on("progress", ({ detail: { done, total } }) => {
    say(done < total ? `Reading: ${done.toLocaleString("en")} of ${total.toLocaleString("en")} words` : "");
  });
  on("vectors", ({ detail: { vectors } }) => {
    setBusy("results", false);
    if (view.reading?.uses.length) {
      say("");
      view.reading.layers = vectors;
      choose(view.chosen);
      performance.mark("elmo-shown");
    }
  });
  on("failed", ({ detail: { message } }) => {
    byId("loading").hidden = true;
    setBusy("words", false);
    setBusy("results", false);
    say(`The model does not work here: ${message}. Reload the page, or try a browser from 2023 or later.`);
  });
  engine.read(byId("text").value);
}

function chooseExample(example) {
  view.preferred = example?.word ?? null;
  byId("text").value = example?.text ?? "";
  byId("example-note").textContent = example?.note ?? "";
  byId("example-note").hidden = !example?.note;
  for (const button of byId("examples").children) {
    button.setAttribute("aria-pressed", button.dataset.word === (example?.word ?? ""));
  }
  edit(!example);
  read(byId("text").value);
}

function edit(isOpen) {
  byId("editor").hidden = !isOpen;
  byId("edit").setAttribute("aria-expanded", isOpen);
  byId("edit").textContent = isOpen ? "Done" : "Edit";
}

function showControls() {
  const button = (word, label, example) =>
    element(
      "button",
      { type: "button", "data-word": word, "aria-pressed": "false", onclick: () => chooseExample(example) },
      label,
    );
  byId("examples").append(
    ...EXAMPLES.map((example) => button(example.word, example.word, example)),
    button("", "your own", null),
  );
  byId("edit").addEventListener("click", () => {
    edit(byId("editor").hidden);
    if (!byId("editor").hidden) {
      byId("text").focus();
    }
  });
  let timer = 0;
  byId("text").addEventListener("input", () => {
    clearTimeout(timer);
    setBusy("words", true);
    setBusy("results", true);
    timer = setTimeout(() => read(byId("text").value), PAUSE);
  });
  byId("depth").addEventListener("input", ({ target }) => {
    view.depth = Number(target.value);
    showDepth();
    if (view.reading?.layers && view.chosen) {
      showVectors();
    }
  });
  for (const radio of document.querySelectorAll("input[name=scope]")) {
    radio.addEventListener("change", () => view.reading?.layers && view.chosen && showVectors());
  }
  showDepth();
}

function showDepth() {
  const { depth } = view;
  const below = Math.floor(depth);
  const share = Math.round(100 * (depth - below));
  const text = share ? `${100 - share}% of layer ${below}, ${share}% of layer ${below + 1}` : `layer ${depth}`;
  byId("depth-value").textContent = share ? depth.toFixed(1) : String(depth);
  byId("depth").setAttribute("aria-valuetext", text);
}

/** Resolves once the service worker answers requests, so that it stores what comes next; soon in any case. */
async function serviceWorker() {
  const container = navigator.serviceWorker;
  if (!container) {
    return;
  }
  const hasControl = new Promise((resolve) => container.addEventListener("controllerchange", resolve, { once: true }));
  try {
    await container.register(new URL("../service-worker.js", import.meta.url));
  } catch {
    // The page works without it, as long as there is a network.
    return;
  }
  if (!container.controller) {
    await Promise.race([hasControl, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
  }
}

showControls();
chooseExample(EXAMPLES.find(({ word }) => `#${word}` === location.hash) ?? EXAMPLES[0]);
await serviceWorker();
showEngine();
