// Single keys that are the same on all pages. `?` lists them; the profile turns them off.

const PLACES = { o: "", c: "/calendar", p: "/posts", l: "/clips", a: "/connections", d: "/developers" };
const PAUSE = 1500; // milliseconds after G in which the second key counts
const TYPED = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const dialog = document.getElementById("keys");
const base = document.body.dataset.events?.replace(/\/events$/, "");
let pressed = -Infinity;

async function list() {
  await htmx.ajax("GET", "/account/keys", { source: dialog, target: "#keys", swap: "innerHTML" });
  if (dialog.querySelector("article")) dialog.showModal();
}

// On the window: the keys of a page come first.
window.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest?.(TYPED) || document.body.dataset.keys === "off") return;
  const key = event.key.toLowerCase();
  const follows = event.timeStamp - pressed < PAUSE;
  pressed = key === "g" && !follows ? event.timeStamp : -Infinity;
  if (follows && key in PLACES) location.assign(base + PLACES[key]);
  else if (key === "?") list();
  else if (key === "/") document.querySelector("[data-palette]")?.click();
  else if (key === "n" && !follows) document.querySelector("a.new-post")?.click();
  else return;
  event.preventDefault();
});
