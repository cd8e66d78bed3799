// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// The sentences, each word a button.

import { element, moveByArrowKeys, setTabStop } from "./dom.js";
import { senseMark } from "./plot.js";
import { MAX_BYTES, bytesOf } from "./tokenizer.js";

/** Shows the sentences of a reading in an element. */
export class Words {
  #container;
  #choose;
  #buttons = [];

  constructor(container, choose) {
    this.#container = container;
    this.#choose = choose;
    container.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) {
        this.#choose(Number(button.dataset.use));
      }
    });
    moveByArrowKeys(container, "button", (button) => Number(button.dataset.sentence));
  }

  show(reading) {
    let use = 0;
    let sense = null;
    const parts = [];
    reading.sentences.forEach((sentence, number) => {
      if (sentence.sense !== sense) {
        sense = sentence.sense;
        parts.push(element("h3", {}, senseMark(sense, reading.senses)));
      }
      let end = 0;
      const line = element("p", { dir: "auto" });
      sentence.spans.forEach(([from, to], position) => {
        const isCut = bytesOf(sentence.words[position]).length > MAX_BYTES;
        line.append(
          sentence.text.slice(end, from) && " ",
          element(
            "button",
            { type: "button", "data-use": use, "data-sentence": number, class: isCut ? "cut" : null, tabindex: -1 },
            sentence.words[position],
          ),
        );
        end = to;
        use += 1;
      });
      parts.push(line);
    });
    this.#container.replaceChildren(...parts);
    this.#buttons = [...this.#container.querySelectorAll("button")];
    setTabStop(this.#buttons, this.#buttons[0]);
  }

  /** Marks the chosen word and its other uses. */
  mark(chosen, uses) {
    const same = new Set(uses.map(({ index }) => index));
    this.#buttons.forEach((button, index) => {
      button.setAttribute("aria-pressed", index === chosen.index);
      button.classList.toggle("same", same.has(index));
    });
    setTabStop(this.#buttons, this.#buttons[chosen.index]);
  }
}
