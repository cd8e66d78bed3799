// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// What the reader typed -> sentences with their words, within limits, and notes that say what was cut.

import { MAX_BYTES, bytesOf, wellFormed } from "./tokenizer.js";

export const MAX_CHARACTERS = 100_000;
export const MAX_WORDS = 3_000;
export const MAX_SENTENCE_WORDS = 200;

const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/**
 * Reads one sentence per line; "# river" names the sense of the lines below it.
 *
 * Returns `{ sentences: [{ text, sense, spans, words }], notes }`, where `sense` is null without a name.
 */
export function readText(text, tokenizer) {
  const notes = [];
  if (text.length > MAX_CHARACTERS) {
    notes.push(`Only the first ${count(MAX_CHARACTERS, "character")} are read.`);
  }
  const sentences = [];
  let sense = null;
  let total = 0;
  let numLong = 0;
  const cutWords = new Set();
  for (const line of wellFormed(text.slice(0, MAX_CHARACTERS)).split(/\r\n|\r|\n/)) {
    const sentence = line.trim();
    const heading = /^#(?:\s+(.*))?$/.exec(sentence);
    if (heading) {
      sense = heading[1]?.slice(0, 40) || null;
      continue;
    }
    let spans = tokenizer.split(sentence);
    if (!spans.length) {
      continue;
    }
    numLong += spans.length > MAX_SENTENCE_WORDS;
    spans = spans.slice(0, MAX_SENTENCE_WORDS);
    if (total + spans.length > MAX_WORDS) {
      notes.push(`Only the first ${count(total, "word")} are read: the limit is ${count(MAX_WORDS, "word")}.`);
      break;
    }
    total += spans.length;
    const words = spans.map(([start, end]) => sentence.slice(start, end));
    words.filter((word) => bytesOf(word).length > MAX_BYTES).forEach((word) => cutWords.add(word));
    sentences.push({ text: sentence.slice(0, spans.at(-1)[1]), sense, spans, words });
  }
  if (numLong) {
    notes.push(`${count(numLong, "line")} cut after ${count(MAX_SENTENCE_WORDS, "word")}.`);
  }
  if (cutWords.size) {
    notes.push(`${count(cutWords.size, "word")} cut after ${MAX_BYTES} bytes, which is all that the model reads.`);
  }
  return { sentences, notes };
}
