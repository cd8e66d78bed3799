// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// Text -> words -> character ids, as `ElmoTokenizer` in Python does it.

// Unicode's White_Space, which is not quite JavaScript's \s.
const SPACE = /[\t-\r \x85\xA0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+/g;

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

// See modeling_elmo/model/characters.py: UTF-8 bytes plus 1, and five marks.
const BEGIN_SENTENCE = 257;
const END_SENTENCE = 258;
const BEGIN_WORD = 259;
const END_WORD = 260;
export const PAD_CHARACTER = 261;

// The length of a row of character ids: a word keeps its first 48 bytes.
export const ROW_LENGTH = 50;
export const MAX_BYTES = ROW_LENGTH - 2;

const encoder = new TextEncoder();

/** Splits text by the rules of a tokenizer.json, which rules.mjs has translated. */
export class Tokenizer {
  #steps;

  constructor(rules) {
    this.#steps = rules.map((rule) =>
      rule.type === "WhitespaceSplit"
        ? { pattern: SPACE, keepsMatches: false }
        : { pattern: new RegExp(rule.pattern, `${rule.flags}g`), keepsMatches: true },
    );
  }

  /** Returns the words of a text as `[start, end]`, in UTF-16 units of `wellFormed(text)`. */
  split(text) {
    let pieces = [[0, text.length]];
    for (const { pattern, keepsMatches } of this.#steps) {
      // Each step sees a piece as if it were the whole text.
      pieces = pieces.flatMap(([start, end]) => {
        const parts = [];
        let last = 0;
        const piece = text.slice(start, end);
        for (const { 0: match, index } of piece.matchAll(pattern)) {
          parts.push([last, index]);
          last = index + match.length;
          if (keepsMatches) {
            parts.push([index, last]);
          }
        }
        parts.push([last, piece.length]);
        return parts.filter(([from, to]) => from < to).map(([from, to]) => [start + from, start + to]);
      });
    }
    return pieces;
  }
}

/** Returns a text in which U+FFFD replaces halves of surrogate pairs. */
export function wellFormed(text) {
  return text.replace(LONE_SURROGATE, "\ufffd");
}

/** Returns the UTF-8 bytes of a text. */
export function bytesOf(text) {
  return encoder.encode(text);
}

function rowOf(ids) {
  return [BEGIN_WORD, ...ids.slice(0, MAX_BYTES), END_WORD];
}

/** Returns the character ids of a sentence, a row per word and one for each boundary, without padding. */
export function characterRows(words) {
  const ofWords = words.map((word) => rowOf(Array.from(bytesOf(word), (byte) => byte + 1)));
  return [rowOf([BEGIN_SENTENCE]), ...ofWords, rowOf([END_SENTENCE])];
}
