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

// On other pages of the workspace `base`: what the draft has is dropped. What it has not is saved when it is opened again. What
// no draft can be opened for is offered, and the server is not asked again: the kept form says so.
export async function dropHeld(base) {
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(`${KEPT}${base}/`)) continue;
    if (new URLSearchParams(localStorage.getItem(key)).has("is_gone")) { offer(key); continue; }
    const { response, drop } = await ask(key, "holds");
    if (!response?.ok) continue;
    const { holds, is_gone } = await response.json();
    if (holds) drop();
    if (!is_gone) continue;
    localStorage.setItem(key, `${localStorage.getItem(key)}&is_gone=1`);
    offer(key);
  }
}

// A form on top of the page: its words become a new draft, or are discarded.
function offer(key) {
  const fields = [...new URLSearchParams(localStorage.getItem(key))];
  const said = Object.fromEntries(fields);
  const line = (said.text || said.title || "").trim().split("\n")[0];
  const words = line.length > 80 ? `${line.slice(0, 79)}…` : line;
  const made = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const title = made("strong", { textContent: `Not saved: ${words ? `“${words}”` : "your last changes of a draft"}` });
  const about = made("p", { textContent: "The draft was deleted or sent elsewhere, or was never saved. Only this browser has your last words." });
  const discard = made("button", { type: "button", className: "secondary", textContent: "Discard" });
  const actions = made("div", { className: "actions" }, made("button", { textContent: "Save as a new draft" }), discard);
  const form = made("form", { className: "banner warn" }, made("div", { className: "words" }, title, about), actions);
  form.append(...fields.map(([name, value]) => made("input", { type: "hidden", name, value })));
  form.setAttribute("role", "status");
  form.setAttribute("hx-post", `${key.slice(KEPT.length)}/fork`);
  form.setAttribute("hx-swap", "none");
  const drop = () => { localStorage.removeItem(key); };
  discard.addEventListener("click", () => { drop(); form.remove(); });
  form.addEventListener("htmx:after:request", ({ detail: { ctx } }) => { if (ctx.hx?.redirect) drop(); });
  document.getElementById("main").prepend(form);
  htmx.process(form);
}
