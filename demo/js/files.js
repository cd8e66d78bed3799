// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// Loads the files in data/, of which the large ones are compressed, since not every server does that.

const DATA = new URL("../data/", import.meta.url);

async function load(name) {
  const response = await fetch(new URL(name, DATA));
  if (!response.ok) {
    throw new Error(`${name}: the server answered ${response.status}`);
  }
  return response;
}

/** Returns the content of a JSON file. */
export async function loadJson(name) {
  return (await load(name)).json();
}

/** Returns the bytes of a gzip file; `report` gets the number of bytes as they come in. */
export async function loadBytes(name, report) {
  const parts = [];
  const reader = (await load(name)).body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    report(part.value.length);
  }
  const bytes = new Blob(parts);
  const [first, second] = new Uint8Array(await bytes.slice(0, 2).arrayBuffer());
  // Some servers send gzip files as such, and the browser has unpacked them.
  if (first !== 0x1f || second !== 0x8b) {
    return new Uint8Array(await bytes.arrayBuffer());
  }
  const unpacked = bytes.stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

/** Returns the text of a gzip file. */
export async function loadText(name, report) {
  return new TextDecoder().decode(await loadBytes(name, report));
}
