// What could not be saved before the page was left: this browser keeps it, and sends it when the draft is opened again.

import { form, isSaved, isLost } from "./compose_form.js";
import { call } from "./request.js";

const path = form.getAttribute("hx-post");
const KEY = `clipcast-draft ${path}`;

// Without a connection, a reload would show nothing until it is back: the browser asks first.
window.addEventListener("beforeunload", (event) => { if (!isSaved() && isLost()) event.preventDefault(); });
window.addEventListener("pagehide", () => {
  if (isSaved()) return;
  const body = new URLSearchParams(new FormData(form));
  if (!isLost()) return navigator.sendBeacon(path, body);
  try { localStorage.setItem(KEY, body.toString()); } catch { /* a full or closed store keeps nothing */ }
});

async function restore() {
  const kept = localStorage.getItem(KEY);
  if (!kept) return;
  const response = await fetch(`${path}/restore`, { method: "POST", body: new URLSearchParams(kept) }).catch(() => undefined);
  if (response?.status === 401) document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
  if (!response?.ok) return;
  localStorage.removeItem(KEY);
  location.replace((await response.json()).path);
}
document.body.addEventListener("signed-in-again", restore);
window.addEventListener("online", restore);
restore();
