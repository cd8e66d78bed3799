// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// The page's side of engine-worker.js.

/**
 * Reads texts in a worker. What comes of it is dispatched as events, with `detail` as named here:
 *
 * - `loading`: `{ done, total }`, in bytes; `ready`, once the model is loaded;
 * - `words`: `{ sentences, notes }` of the newest text; `progress`: `{ done, total }`, in words;
 * - `vectors`: `{ vectors }`, per layer those of all words in a row;
 * - `failed`: `{ message }`.
 */
export class Engine extends EventTarget {
  #worker = new Worker(new URL("./engine-worker.js", import.meta.url), { type: "module" });
  #newestText = 0;
  #numQuestions = 0;
  #questions = new Map();

  constructor() {
    super();
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => this.#dispatch("failed", { message: event.message || "a script is missing" });
  }

  /** Reads a text, and gives up the one before. */
  read(text) {
    this.#newestText += 1;
    this.#worker.postMessage({ type: "read", id: this.#newestText, text });
  }

  /** Returns, as a promise, what fits in the place of a word: `{ left, right, both }`, lists of words. */
  fillIn(words, index) {
    this.#numQuestions += 1;
    const id = `question ${this.#numQuestions}`;
    this.#worker.postMessage({ type: "fill in", id, words, index });
    return new Promise((resolve, reject) => this.#questions.set(id, { resolve, reject }));
  }

  #receive(data) {
    const question = this.#questions.get(data.id);
    this.#questions.delete(data.id);
    if (question) {
      (data.type === "failed" ? question.reject : question.resolve)(data);
    } else if (typeof data.id !== "number" || data.id === this.#newestText) {
      this.#dispatch(data.type, data);
    }
  }

  #dispatch(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
