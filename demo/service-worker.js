// Copyright 2026 The modeling-elmo authors.
// SPDX-License-Identifier: Apache-2.0
// Answers the page's requests from a cache, so that it opens without a network after the first visit.
//
// build.py fills in the two constants. A new build has another cache; the files of old ones are deleted.

const CACHE = "elmo-" + "BUILD";
const FILES = ["FILES"];

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(["./", ...FILES])));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name.startsWith("elmo-") && name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
      // The page waits for this before it loads the large files, so that they pass through here.
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method === "GET" && url.origin === self.location.origin) {
    event.respondWith(answer(event.request));
  }
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  const stored = await cache.match(request, { ignoreSearch: true });
  if (stored) {
    return stored;
  }
  const response = await fetch(request);
  if (response.ok) {
    await cache.put(request, response.clone());
  }
  return response;
}
