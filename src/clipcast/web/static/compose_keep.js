// What could not be saved before the page was left: this browser keeps it until the server has it (kept.js), and sends it
// when the draft is opened again.

import { form, isSaved, isLost } from "./compose_form.js";
import { showLost } from "./connection.js";
import { restoreKept, KEPT } from "./kept.js";

const path = form.getAttribute("hx-post");
const KEY = KEPT + path;

// Without a connection, a reload would show nothing until it is back: the browser asks first.
window.addEventListener("beforeunload", (event) => { if (!isSaved() && isLost()) event.preventDefault(); });
window.addEventListener("pagehide", () => {
  if (isSaved()) return;
  const body = new URLSearchParams(new FormData(form));
  try { localStorage.setItem(KEY, body.toString()); } catch { /* a full or closed store keeps nothing */ }
  // A sent beacon may still be rejected: the session may have ended. Browsers refuse more than 64 KB.
  if (!isLost()) navigator.sendBeacon(path, body);
});
// A page that the browser shows again, as it was left, saves what it kept.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const kept = ctx.isSave && isSaved() && localStorage.getItem(KEY);
  if (kept && new URLSearchParams(kept).get("page") === form.elements.page.value) localStorage.removeItem(KEY);
});

async function restore() {
  const response = await restoreKept(KEY);
  if (response?.status === 401) document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
  if (!response?.ok) return;
  const found = await response.json();
  // This page may have been made before the words arrived.
  if (found.path !== location.pathname || found.version !== Number(form.elements.version.value)) location.replace(found.path);
}
document.body.addEventListener("signed-in-again", restore);
window.addEventListener("online", restore);
window.addEventListener("offline", () => showLost(form.dataset.waits));
restore();
