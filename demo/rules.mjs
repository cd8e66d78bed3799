// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// Translates the word rules of a tokenizer.json for browsers: node rules.mjs tokenizer.json rules.json
//
// The rules are regular expressions of Oniguruma, the engine of the tokenizers library. oniguruma-to-es writes each as
// one of JavaScript with the same matches.

import { readFileSync, writeFileSync } from "node:fs";
import { toRegExpDetails } from "oniguruma-to-es";

const [source, target] = process.argv.slice(2);
const { normalizer, pre_tokenizer: preTokenizer } = JSON.parse(readFileSync(source, "utf-8"));

function translated(step) {
  if (step.type === "WhitespaceSplit") {
    return { type: step.type };
  }
  if (step.type !== "Split" || step.behavior !== "Isolated" || step.invert) {
    throw new Error(`${source}: the page has no rule like ${JSON.stringify(step)}`);
  }
  const { pattern, flags } = toRegExpDetails(step.pattern.Regex, { avoidSubclass: true, target: "ES2024" });
  return { type: step.type, pattern, flags };
}

if (normalizer || preTokenizer.type !== "Sequence") {
  throw new Error(`${source}: expected no normalizer and a sequence of rules`);
}
writeFileSync(target, JSON.stringify(preTokenizer.pretokenizers.map(translated), null, 1));
