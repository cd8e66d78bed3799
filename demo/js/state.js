// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// What the page shows: the sentences, their vectors, the chosen word and layer; and what follows from these.

import { cosines, mixedVectors, nearestRows, principalPlane } from "./vectors.js";

/** The most uses of a word that are compared and plotted. */
export const MAX_USES = 400;

/** Cosines that differ by less are equal, but for rounding. */
const SMALLEST_DIFFERENCE = 1e-4;

/** A text with its vectors. A use is one word of one sentence: `{ index, sentence, position, word, sense }`. */
export class Reading {
  constructor(sentences) {
    this.sentences = sentences;
    this.uses = sentences.flatMap(({ words, sense }, sentence) =>
      words.map((word, position) => ({ sentence, position, word, sense })),
    );
    this.uses.forEach((use, index) => (use.index = index));
    this.senses = [...new Set(sentences.map(({ sense }) => sense).filter((sense) => sense !== null))];
    this.layers = null;
  }

  get width() {
    return this.layers[0].length / this.uses.length;
  }

  /** Returns the uses of the same word, whatever its capitals; the chosen one is always among them. */
  usesOf(chosen) {
    const word = chosen.word.toLowerCase();
    const uses = this.uses.filter((use) => use.word.toLowerCase() === word);
    return uses.length <= MAX_USES ? uses : [chosen, ...uses.filter((use) => use !== chosen).slice(0, MAX_USES - 1)];
  }

  /** Returns `{ use, cosine }` for the uses most similar to the chosen one. */
  nearest(chosen, depth, isSameWord, most) {
    const others = (isSameWord ? this.usesOf(chosen) : this.uses).filter((use) => use !== chosen);
    const vectors = this.#vectors([chosen, ...others], depth);
    const similarities = cosines(vectors, this.width, 0).subarray(1);
    const found = others.map((use, at) => ({ use, cosine: similarities[at] }));
    return found.sort((one, other) => other.cosine - one.cosine).slice(0, most);
  }

  /** Returns the points of uses in a plane, near to where they were. */
  plane(uses, depth, previous) {
    return principalPlane(this.#vectors(uses, depth), this.width, previous);
  }

  /** Returns `{ right, total }`: for how many named uses the nearest named one has the same sense; or null. */
  agreement(uses, depth) {
    const named = uses.filter(({ sense }) => sense !== null);
    if (new Set(named.map(({ sense }) => sense)).size < 2) {
      return null;
    }
    const vectors = this.#vectors(named, depth);
    const similarities = cosines(vectors, this.width, 0);
    const isOnePoint = Math.min(...similarities) > 1 - SMALLEST_DIFFERENCE;
    const nearest = nearestRows(vectors, this.width);
    const right = named.filter(({ sense }, row) => named[nearest[row]].sense === sense).length;
    return { right, total: named.length, isOnePoint };
  }

  #vectors(uses, depth) {
    const indices = uses.map(({ index }) => index);
    return mixedVectors(this.layers, this.width, depth, indices);
  }
}
