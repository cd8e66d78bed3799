// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// Runs the model, in a Web Worker so that the page never waits for it. engine.js talks to it.

import * as ort from "../runtime/ort.wasm.bundle.min.mjs";

import { loadBytes, loadJson, loadText } from "./files.js";
import { readText } from "./text.js";
import { PAD_CHARACTER, ROW_LENGTH, Tokenizer, characterRows } from "./tokenizer.js";

// The most positions of one batch, padding included: short enough to notice a newer text soon.
const BATCH_POSITIONS = 512;

// How many sentences to remember, so that an edited text is computed only where it changed.
const MAX_REMEMBERED = 1_000;

const NUM_CANDIDATES = 8;

// Ids of <S>, </S> and <UNK>, which are no words.
const NUM_SPECIAL = 3;

/** The newest text; older ones are given up. */
let newest = 0;

/** Words joined by spaces -> `{ width, layers }`: the vectors of each layer, boundaries included. */
const remembered = new Map();

const loaded = load();
loaded.catch((error) => postMessage({ type: "failed", message: String(error?.message ?? error) }));

async function load() {
  const tokenizer = new Tokenizer(await loadJson("rules.json"));
  postMessage({ type: "tokenizer" });
  return { tokenizer, model: loadModel() };
}

async function loadModel() {
  const sizes = await loadJson("sizes.json");
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  let done = 0;
  const report = (bytes) => postMessage({ type: "loading", done: (done += bytes), total });
  const [names, binary, layers, softmax, vocabulary] = await Promise.all([
    loadJson("model.json"),
    loadBytes("ort-wasm-simd-threaded.wasm.gz", report),
    loadBytes("layers.onnx.gz", report),
    loadBytes("softmax.onnx.gz", report),
    loadText("vocabulary.txt.gz", report),
  ]);
  // One thread: more would need HTTP headers that static hosts do not send.
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary: binary });
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
  const model = {
    names,
    layers: await ort.InferenceSession.create(layers, options),
    softmax: await ort.InferenceSession.create(softmax, options),
    vocabulary: vocabulary.split("\n"),
  };
  postMessage({ type: "ready" });
  return model;
}

self.onmessage = async ({ data }) => {
  try {
    if (data.type === "read") {
      newest = data.id;
      await read(data);
    } else {
      await fillIn(data);
    }
  } catch (error) {
    postMessage({ type: "failed", id: data.id, message: String(error?.message ?? error) });
  }
};

async function read({ id, text }) {
  const { tokenizer, model: loading } = await loaded;
  if (id !== newest) {
    return;
  }
  const { sentences, notes } = readText(text, tokenizer);
  postMessage({ type: "words", id, sentences, notes });
  const model = await loading;
  if (await encode(model, sentences, id)) {
    const found = sentences.map(({ words }) => recall(words));
    const vectors = model.names.layers.map((_, layer) => withoutBoundaries(found, layer));
    postMessage({ type: "vectors", id, vectors }, vectors.map((layer) => layer.buffer));
  }
}

const keyOf = (words) => words.join(" ");

/** Returns what is remembered of a sentence, as the most recent. */
function recall(words) {
  const key = keyOf(words);
  const found = remembered.get(key);
  remembered.delete(key);
  remembered.set(key, found);
  return found;
}

/** Computes the layers of sentences. Returns false if a newer text came meanwhile. */
async function encode(model, sentences, id) {
  const distinct = new Map(sentences.map(({ words }) => [keyOf(words), words]));
  const missing = [...distinct.values()].filter((words) => !remembered.has(keyOf(words)));
  // Sentences of a length go together: the others are padded.
  missing.sort((one, other) => one.length - other.length);
  const total = missing.reduce((sum, words) => sum + words.length, 0);
  let done = 0;
  while (missing.length) {
    // Lets messages come in.
    await new Promise((resolve) => setTimeout(resolve));
    if (id !== newest) {
      return false;
    }
    const batch = [missing.pop()];
    const width = batch[0].length + 2;
    while (missing.length && (batch.length + 1) * width <= BATCH_POSITIONS) {
      batch.push(missing.pop());
    }
    await encodeBatch(model, batch);
    done += batch.reduce((sum, words) => sum + words.length, 0);
    postMessage({ type: "progress", id, done, total });
  }
  forgetOldest(distinct);
  return true;
}

function forgetOldest(needed) {
  for (const key of remembered.keys()) {
    if (remembered.size <= MAX_REMEMBERED) {
      break;
    }
    if (!needed.has(key)) {
      remembered.delete(key);
    }
  }
}

/** Returns the character ids of a batch, cut to its longest word as far as the convolutions allow. */
function characterTensor(rows, width) {
  const longest = Math.max(...rows.flat().map((row) => row.length));
  const length = Math.min(ROW_LENGTH, longest + 7);
  const ids = new BigInt64Array(rows.length * width * length);
  rows.forEach((ofSentence, sentence) =>
    ofSentence.forEach((row, word) => {
      const start = (sentence * width + word) * length;
      ids.fill(BigInt(PAD_CHARACTER), start, start + length);
      row.forEach((character, at) => (ids[start + at] = BigInt(character)));
    }),
  );
  return new ort.Tensor("int64", ids, [rows.length, width, length]);
}

function maskTensor(lengths, width) {
  const mask = new BigInt64Array(lengths.length * width);
  lengths.forEach((length, row) => mask.fill(1n, row * width, row * width + length));
  return new ort.Tensor("int64", mask, [lengths.length, width]);
}

/** Returns the inputs that say which positions are of a sentence, and that each row is one. */
function positions(mask) {
  const zeros = new ort.Tensor("int64", new BigInt64Array(mask.data.length), mask.dims);
  return { attention_mask: mask, token_type_ids: zeros };
}

async function encodeBatch({ names, layers: session }, batch) {
  const rows = batch.map(characterRows);
  const lengths = rows.map((ofSentence) => ofSentence.length);
  const width = Math.max(...lengths);
  const outputs = await session.run({
    character_ids: characterTensor(rows, width),
    ...positions(maskTensor(lengths, width)),
  });
  batch.forEach((words, sentence) => {
    const layers = names.layers.map((name) => {
      const { data, dims } = outputs[name];
      const start = sentence * width * dims[2];
      return data.slice(start, start + lengths[sentence] * dims[2]);
    });
    remembered.set(keyOf(words), { width: outputs[names.layers[0]].dims[2], layers });
  });
}

function withoutBoundaries(found, layer) {
  const parts = found.map(({ width, layers }) => layers[layer].subarray(width, -width));
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Predicts a word from the words before it, from those after it, and from both. */
async function fillIn({ id, words, index }) {
  const model = await (await loaded).model;
  const { names, softmax, vocabulary } = model;
  if (!remembered.has(keyOf(words))) {
    await encodeBatch(model, [words]);
  }
  const { width, layers } = recall(words);
  // Position 0 is <S>. Forward, the state before the word predicts it; backward, the one after it.
  const window = layers.at(-1).subarray(index * width, (index + 3) * width);
  const contexts = [
    [1n, 1n, 0n],
    [0n, 1n, 1n],
    [1n, 1n, 1n],
  ];
  const hidden = new Float32Array(3 * window.length);
  contexts.forEach((_, row) => hidden.set(window, row * window.length));
  const outputs = await softmax.run({
    [names.layers.at(-1)]: new ort.Tensor("float32", hidden, [3, 3, width]),
    ...positions(new ort.Tensor("int64", BigInt64Array.from(contexts.flat()), [3, 3])),
  });
  const { data, dims } = outputs[names.logits];
  const candidates = contexts.map((_, row) => {
    const start = (row * 3 + 1) * dims[2];
    return best(data.subarray(start, start + dims[2]), vocabulary);
  });
  postMessage({ type: "candidates", id, left: candidates[0], right: candidates[1], both: candidates[2] });
}

/** Returns the most probable words with their probabilities. */
function best(logits, vocabulary) {
  const max = logits.reduce((one, other) => Math.max(one, other), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - max), 0);
  const ids = Uint32Array.from(logits, (_, id) => id).subarray(NUM_SPECIAL);
  ids.sort((one, other) => logits[other] - logits[one]);
  return Array.from(ids.subarray(0, NUM_CANDIDATES), (id) => ({
    word: vocabulary[id],
    probability: Math.exp(logits[id] - max) / sum,
  }));
}
