// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// Elements of the page in one expression, and groups that arrow keys move through.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") {
      element.addEventListener("click", value);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

/** Returns the element with an id. */
export const byId = (id) => document.getElementById(id);

/** Returns a new element; text among the children is never read as HTML. */
export const element = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);

/** Returns a new element of a drawing. */
export const drawing = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

/**
 * Makes a group of many buttons one stop of the Tab key, in which the arrow keys move.
 *
 * @param rowOf the number of the row that a button is in, for the keys up and down
 */
export function moveByArrowKeys(container, selector, rowOf = () => 0) {
  container.addEventListener("keydown", (event) => {
    const items = [...container.querySelectorAll(selector)];
    const at = items.indexOf(document.activeElement);
    if (at < 0) {
      return;
    }
    let next = null;
    if (event.key in STEPS) {
      // In a text from right to left, the next word is on the left.
      const isReversed = getComputedStyle(items[at]).direction === "rtl";
      next = items[at + STEPS[event.key] * (isReversed ? -1 : 1)];
    } else if (event.key === "ArrowDown") {
      next = items.find((item, index) => index > at && rowOf(item) > rowOf(items[at]));
    } else if (event.key === "ArrowUp") {
      const row = items.findLast((item) => rowOf(item) < rowOf(items[at]));
      next = row && items.find((item) => rowOf(item) === rowOf(row));
    } else if (event.key === "Home" || event.key === "End") {
      next = event.key === "Home" ? items[0] : items.at(-1);
    } else {
      return;
    }
    event.preventDefault();
    if (next) {
      setTabStop(items, next);
      next.focus();
    }
  });
}

/** Makes one of several elements the one that the Tab key reaches. */
export function setTabStop(items, stop) {
  for (const item of items) {
    item.tabIndex = item === stop ? 0 : -1;
  }
}
