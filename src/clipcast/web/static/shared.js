// Videos that another app has shared with Clipcast: the service worker keeps them until this page uploads them.

import { addAll } from "./upload.js";

const cache = await caches.open("clipcast-shared");
for (const request of await cache.keys()) {
  const response = await cache.match(request);
  const name = decodeURIComponent(response.headers.get("X-Name"));
  await addAll([new File([await response.blob()], name, { type: response.headers.get("Content-Type") })]);
  await cache.delete(request);
}
history.replaceState(null, "", location.pathname);
