// The service worker. It keeps the offline page and its parts, and no page of a person. It takes videos that another app
// shares, and shows push messages. The server puts VERSION before this text.

const OFFLINE = "/offline";
const KEPT = `clipcast-offline-${VERSION}`;
const SHARED = "clipcast-shared";
// The parts of the offline page. Their addresses name their content.
const PARTS = /^\/static\/(icon\.svg|offline\.js|vendor\/app\.css)$/;
// Downloads, which no page could replace.
const FILES = /^\/(api|files|archives)\//;

async function keep() {
  const page = await fetch(OFFLINE, { cache: "reload", credentials: "omit" });
  const parts = [...(await page.clone().text()).matchAll(/(?:href|src)="(\/static\/[^"#]+)/g)].map((found) => found[1]);
  const cache = await caches.open(KEPT);
  await cache.addAll([...new Set(parts)]);
  await cache.put(OFFLINE, page);
  await self.skipWaiting();
}
async function forget() {
  // Else each page waits until the worker has started.
  await self.registration.navigationPreload?.enable();
  for (const name of await caches.keys()) if (name !== KEPT && name !== SHARED) await caches.delete(name);
}
self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(forget()));

const kept = (request) => caches.match(request, { ignoreVary: true });

async function navigate(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return kept(OFFLINE);
  }
}

// Another app shares videos: the next page uploads them (shared.js).
async function take(request) {
  const cache = await caches.open(SHARED);
  const files = (await request.formData()).getAll("videos").filter((one) => one instanceof File && one.size);
  for (const [number, file] of files.entries()) {
    const headers = { "Content-Type": file.type || "application/octet-stream", "X-Name": encodeURIComponent(file.name) };
    await cache.put(`/share/${Date.now()}-${number}`, new Response(file, { headers }));
  }
  return Response.redirect("/share", 303);
}

// After a sign-out, nothing of the person stays in the worker's keeping.
async function signedOut() {
  await caches.delete(SHARED);
  indexedDB.deleteDatabase("clipcast"); // unfinished uploads (upload.js)
  await (await self.registration.pushManager?.getSubscription())?.unsubscribe();
  for (const shown of await self.registration.getNotifications()) shown.close();
  await navigator.clearAppBadge?.();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (request.method === "POST" && pathname === "/share") event.respondWith(take(request));
  else if (request.method === "POST" && pathname === "/sign-out") event.waitUntil(signedOut());
  else if (request.method !== "GET") return;
  else if (FILES.test(pathname)) return;
  else if (request.mode === "navigate") event.respondWith(navigate(event));
  else if (PARTS.test(pathname)) event.respondWith(kept(request).then((found) => found ?? fetch(request)));
});

self.addEventListener("push", (event) => {
  const { title, body, path, tag, badge } = event.data.json();
  event.waitUntil(Promise.all([
    self.registration.showNotification(title, {
      body, tag, data: { path }, icon: "/app-icons/icon-192.png", badge: "/app-icons/badge-96.png",
    }),
    badge ? navigator.setAppBadge?.(badge) : navigator.clearAppBadge?.(),
  ]));
});

// To the page of the notice: in a window of the app, if there is one.
async function open(path) {
  const [first] = await self.clients.matchAll({ type: "window" });
  if (first) {
    await first.focus();
    await first.navigate(path).catch(() => self.clients.openWindow(path));
  } else await self.clients.openWindow(path);
}
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.path));
});
