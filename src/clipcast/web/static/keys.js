// Single keys that are the same on all pages. `?` lists them; the profile turns them off.

const PLACES = { o: "", c: "/calendar", p: "/posts", r: "/review", l: "/clips", a: "/accounts", d: "/developers" };
const PAUSE = 1500; // milliseconds after G in which the second key counts
const TYPED = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const dialog = document.getElementById("keys");
const base = document.body.dataset.events?.replace(/\/events$/, "");
let pressed = -Infinity;

async function list() {
  await htmx.ajax("GET", "/account/keys", { source: dialog, target: "#keys", swap: "innerHTML" });
  // Only those that work on this page.
  for (const row of dialog.querySelectorAll("[data-where]")) if (!document.querySelector(row.dataset.where)) row.remove();
  for (const section of dialog.querySelectorAll("section")) if (!section.querySelector("dl > div")) section.remove();
  if (dialog.querySelector("article")) dialog.showModal();
}

function counts(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return false;
  return !event.target.closest?.(TYPED) && document.body.dataset.keys !== "off";
}

// The key after G comes before the keys of a page.
let follows = false;
window.addEventListener("keydown", (event) => {
  if (!counts(event)) return;
  const key = event.key.toLowerCase();
  follows = event.timeStamp - pressed < PAUSE;
  pressed = key === "g" && !follows ? event.timeStamp : -Infinity;
  if (!follows || !(key in PLACES)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  location.assign(base + PLACES[key]);
}, true);

// On the window: the keys of a page come first.
window.addEventListener("keydown", (event) => {
  if (!counts(event)) return;
  const key = event.key.toLowerCase();
  const place = document.querySelector(`[data-page-key="${CSS.escape(key)}"]`);
  if (place && !follows) place.matches("button, a") ? place.click() : place.focus();
  else if (key === "?") list();
  else if (key === "/") document.querySelector("[data-palette]")?.click();
  else if (key === "n" && !follows) document.querySelector("a.new-post")?.click();
  else return;
  event.preventDefault();
});
