// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// The lists beside the map: nearest uses, candidates for a place, and the characters of a word.

import { element } from "./dom.js";
import { senseMark } from "./plot.js";
import { MAX_BYTES, ROW_LENGTH, bytesOf } from "./tokenizer.js";

/** Words shown on each side of a use. */
const CONTEXT = 12;

/** Characters of a word that are shown as cells; longer words go on in one cell. */
const MAX_CELLS = 64;

const percent = (share) => (share < 0.001 ? "< 0.1%" : `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)}%`);

/** Returns a use within its sentence as `[before, word, after]`. */
function inContext({ text, spans }, position) {
  const from = Math.max(0, position - CONTEXT);
  const to = Math.min(spans.length - 1, position + CONTEXT);
  const [start, end] = spans[position];
  const before = (from > 0 ? "… " : "") + text.slice(spans[from][0], start);
  const after = text.slice(end, spans[to][1]) + (to < spans.length - 1 ? " …" : "");
  return [before, text.slice(start, end), after];
}

/** Returns the text of a use with the words around it, for labels. */
export function describeUse(reading, use) {
  const text = inContext(reading.sentences[use.sentence], use.position).join("");
  return use.sense === null ? text : `${text} (${use.sense})`;
}

/** Shows the most similar uses; a click chooses one. */
export function showNearest(container, reading, found, choose) {
  container.replaceChildren(
    ...found.map(({ use, cosine }) => {
      const [before, word, after] = inContext(reading.sentences[use.sentence], use.position);
      const score = element("span", { class: "score" }, cosine.toFixed(2));
      const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span"));
      bar.firstChild.style.width = `${Math.max(0, 100 * cosine).toFixed(0)}%`;
      return element(
        "li",
        {},
        element(
          "button",
          { type: "button", onclick: () => choose(use) },
          element("span", { class: "similarity" }, score, bar),
          element("span", { class: "context", dir: "auto" }, before, element("mark", {}, word), after),
          reading.senses.length ? senseMark(use.sense, reading.senses) : null,
        ),
      );
    }),
  );
}

/** Shows the sentence with a gap, and the words that would fit. */
export function showCandidates(blank, container, reading, use, { left, right, both }) {
  const [before, word, after] = inContext(reading.sentences[use.sentence], use.position);
  const gap = element("span", { class: "gap" }, element("span", { class: "visually-hidden" }, "gap"));
  blank.dir = "auto";
  blank.replaceChildren(before, gap, after);
  const columns = [
    ["from the left", left],
    ["from both", both],
    ["from the right", right],
  ];
  const largest = Math.max(...columns.flatMap(([, candidates]) => candidates.map(({ probability }) => probability)));
  container.replaceChildren(
    ...columns.map(([title, candidates]) =>
      element(
        "div",
        { class: title === "from both" ? "column both" : "column" },
        element("h3", {}, title),
        element(
          "ol",
          {},
          candidates.map((candidate) => {
            const bar = element("span", { class: "bar", "aria-hidden": "true" }, element("span"));
            bar.firstChild.style.width = `${((100 * candidate.probability) / largest).toFixed(1)}%`;
            const isIt = candidate.word.toLowerCase() === word.toLowerCase();
            return element(
              "li",
              { class: isIt ? "same" : null },
              element("span", { class: "word" }, candidate.word),
              element("span", { class: "score" }, percent(candidate.probability)),
              bar,
            );
          }),
        ),
      ),
    ),
  );
}

function cells(word) {
  let numBytes = 0;
  const parts = [];
  for (const character of word) {
    const bytes = bytesOf(character);
    const kept = Math.min(bytes.length, Math.max(0, MAX_BYTES - numBytes));
    numBytes += bytes.length;
    if (parts.length < MAX_CELLS) {
      const shown = Array.from(bytes, (byte, at) => element(at < kept ? "span" : "s", {}, String(byte)));
      parts.push(
        element(
          "li",
          { class: kept ? "cell" : "cell cut" },
          element("bdi", { class: "glyph" }, character),
          element("span", { class: "bytes" }, shown),
        ),
      );
    }
  }
  return { numBytes, parts };
}

/** Shows how the tokenizer split the sentence, and the bytes of the word. */
export function showCharacters(container, { words }, use) {
  const { numBytes, parts } = cells(use.word);
  const mark = (title) => element("li", { class: "cell boundary" }, element("span", { class: "glyph" }, title));
  const numPadding = Math.max(0, ROW_LENGTH - 2 - numBytes);
  const cut = numBytes > MAX_BYTES ? ` The model reads the first ${MAX_BYTES}; the rest is cut.` : "";
  const numCharacters = [...use.word].length;
  const from = Math.max(0, use.position - CONTEXT);
  const shown = words.slice(from, use.position + CONTEXT + 1);
  const tokens = shown.map((word, at) =>
    element("bdi", { class: from + at === use.position ? "token chosen" : "token" }, word),
  );
  const begin = element("span", { class: "token boundary" }, from ? "…" : "<S>");
  const isWhole = from + shown.length === words.length;
  const end = element("span", { class: "token boundary" }, isWhole ? "</S>" : "…");
  container.replaceChildren(
    element("p", { class: "hint" }, "The sentence as words, between a begin and an end:"),
    element("p", { class: "tokens", dir: "auto" }, begin, tokens, end),
    element(
      "p",
      { class: "hint" },
      `The word as ${numCharacters === 1 ? "one character" : `${numCharacters} characters`}, ` +
        `${numBytes === 1 ? "one byte" : `${numBytes} bytes`} of UTF-8.${cut} ` +
        "There is no list of known words, so names and new words have vectors, too.",
    ),
    element(
      "ul",
      { class: "cells", "aria-label": "Characters and bytes" },
      mark("begin"),
      parts,
      parts.length === MAX_CELLS ? mark("…") : null,
      mark("end"),
      numPadding ? mark(`${numPadding} × padding`) : null,
    ),
  );
}
