/**
 * A service worker: the page works without a network once it was loaded. In front of it is written what the folder
 * holds, what of that is kept only once it was asked for, and a digest of all.
 */
/* global DIGEST, FILES, LATER */

const NAME = `har-live ${DIGEST}`;
const within = (path) => new URL(path, registration.scope).href;

addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES.map(within))));
});

// A page that is open keeps the files that it began with: this one takes over after it is closed.
addEventListener("activate", (event) => {
  const takeOver = async () => {
    for (const name of await caches.keys()) if (name.startsWith("har-live ") && name !== NAME) await caches.delete(name);
    await clients.claim();
  };
  event.waitUntil(takeOver());
});

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(registration.scope)) event.respondWith(answer(event, request));
});

async function answer(event, request) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const found = await fetch(request);
  if (found.ok && LATER.map(within).includes(request.url)) event.waitUntil(cache.put(request, found.clone()));
  return found;
}
