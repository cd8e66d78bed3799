// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// The map: a point for each use of a word, with the colour and the shape of its sense.

import { drawing, element, moveByArrowKeys, setTabStop } from "./dom.js";

const WIDTH = 640;
const HEIGHT = 420;
const MARGIN = 28;

/** Shapes within a circle of radius 1, told apart without colours, too. */
const SHAPES = [
  "M1,0A1,1 0 1 1 -1,0A1,1 0 1 1 1,0Z",
  "M-.88,-.88H.88V.88H-.88Z",
  "M0,-1.15L1.05,.75H-1.05Z",
  "M0,-1.2L1.2,0L0,1.2L-1.2,0Z",
  "M-.4,-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
  "M0,1.15L1.05,-.75H-1.05Z",
];

/** How many senses have a colour of their own. */
const NUM_COLOURS = SHAPES.length;

/** Returns the class of a sense's colour. */
export function colourOf(sense, senses) {
  return sense === null ? "sense-none" : `sense-${senses.indexOf(sense) % NUM_COLOURS}`;
}

function shapeOf(sense, senses) {
  return SHAPES[sense === null ? 0 : senses.indexOf(sense) % NUM_COLOURS];
}

/** Returns the mark of a sense with its name. */
export function senseMark(sense, senses) {
  return element(
    "span",
    { class: `mark ${colourOf(sense, senses)}` },
    drawing(
      "svg",
      { viewBox: "-1.4 -1.4 2.8 2.8", "aria-hidden": "true" },
      drawing("path", { d: shapeOf(sense, senses) }),
    ),
    element("bdi", {}, sense ?? "no sense named"),
  );
}

/** Draws the uses of a word in an element. */
export class Plot {
  #container;
  #choose;
  #points = [];
  #shown = null;

  constructor(container, choose) {
    this.#container = container;
    this.#choose = choose;
    moveByArrowKeys(container, ".point");
  }

  /** The points shown last, if they are of these uses: to turn the next ones the same way. */
  pointsOf(uses) {
    return this.#shown?.uses === uses ? this.#shown.points : null;
  }

  /** Shows uses at their points; `describe` returns what a use is called. */
  show({ uses, points, chosen, senses, describe, label }) {
    if (this.#shown?.uses !== uses) {
      this.#draw(uses, senses, describe, label);
    }
    this.#shown = { uses, points };
    const largest = Math.max(...points.flat().map(Math.abs), 1e-6);
    // Below this, points differ by rounding only.
    const scale = largest < 1e-3 ? 0 : 1 / largest;
    points.forEach(([x, y], at) => {
      const left = WIDTH / 2 + x * scale * (WIDTH / 2 - MARGIN);
      const top = HEIGHT / 2 - y * scale * (WIDTH / 2 - MARGIN) * this.#aspect(points, largest);
      this.#points[at].style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
      this.#points[at].setAttribute("aria-pressed", uses[at] === chosen);
    });
    const at = uses.indexOf(chosen);
    setTabStop(this.#points, this.#points[at]);
    // The chosen one is on top.
    this.#points[at].parentNode.append(this.#points[at]);
  }

  /** Shows a sentence in place of the map. */
  say(text) {
    this.#shown = null;
    this.#container.replaceChildren(element("p", { class: "empty" }, text));
  }

  /** The second axis is drawn to scale, unless the map is too low for it. */
  #aspect(points, largest) {
    const highest = Math.max(...points.map(([, y]) => Math.abs(y)));
    const room = (HEIGHT / 2 - MARGIN) / (WIDTH / 2 - MARGIN);
    return Math.min(1, (room * largest) / (highest || 1));
  }

  #draw(uses, senses, describe, label) {
    this.#points = uses.map((use) =>
      drawing(
        "g",
        {
          class: `point ${colourOf(use.sense, senses)}`,
          role: "button",
          "aria-label": describe(use),
          onclick: () => this.#choose(use),
        },
        drawing("circle", { r: 2.4, class: "target" }),
        drawing("circle", { r: 1.9, class: "ring" }),
        drawing("path", { d: shapeOf(use.sense, senses) }),
        drawing("title", {}, describe(use)),
      ),
    );
    this.#points.forEach((point, at) =>
      point.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          this.#choose(uses[at]);
          point.focus();
        }
      }),
    );
    const axes = [
      drawing("line", { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
      drawing("line", { x1: WIDTH / 2, x2: WIDTH / 2, y1: 0, y2: HEIGHT }),
    ];
    this.#container.replaceChildren(
      drawing(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": label },
        drawing("g", { class: "axes", "aria-hidden": "true" }, axes),
        drawing("g", {}, this.#points),
      ),
    );
  }
}
