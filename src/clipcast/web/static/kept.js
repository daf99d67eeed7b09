// Forms of drafts that compose_keep.js kept. Each stays until the server has what it says.

export const KEPT = "clipcast-draft ";

async function ask(key, what) {
  const kept = localStorage.getItem(key);
  if (!kept) return {};
  const path = `${key.slice(KEPT.length)}/${what}`;
  // As htmx asks: an ended session is then a 401, and not the page of the sign-in, which would be taken for success.
  const headers = { "HX-Request": "true" };
  const response = await fetch(path, { method: "POST", headers, body: new URLSearchParams(kept) }).catch(() => undefined);
  // Another tab may keep something newer meanwhile.
  const drop = () => { if (localStorage.getItem(key) === kept) localStorage.removeItem(key); };
  return { response, drop };
}

// Save what is kept under this key, and drop it. Returns the response; undefined if nothing is kept, or without a connection.
export async function restoreKept(key) {
  const { response, drop } = await ask(key, "restore");
  if (response?.ok) drop();
  return response;
}

// On other pages: what the draft has is dropped. What it has not is saved when it is opened again.
export async function dropHeld() {
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(KEPT)) continue;
    const { response, drop } = await ask(key, "holds");
    if (response?.ok && (await response.json()).holds) drop();
  }
}
