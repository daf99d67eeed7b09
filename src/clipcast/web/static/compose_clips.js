// The strip of chosen clips: added from the library or dropped as files, moved by dragging or with buttons, and removed.

import { changed, form } from "./compose_form.js";

const strip = document.getElementById("strip");
const library = document.getElementById("library");
const fieldOf = (id) => strip.querySelector(`[name=clip][value="${CSS.escape(id)}"]`);

// A tile of the library holds the entry of the strip.
function add(tile) {
  if (fieldOf(tile.querySelector("[data-pick]").dataset.pick)) return;
  strip.append(tile.querySelector("template").content.cloneNode(true));
  changed();
}
function remove(entry) {
  entry.remove();
  changed();
}

library.addEventListener("change", ({ target }) => {
  if (!target.dataset.pick) return;
  const field = fieldOf(target.dataset.pick);
  if (target.checked) add(target.closest(".pick-tile"));
  else if (field) remove(field.closest("li"));
});
document.addEventListener("htmx:after:swap", () => {
  for (const box of library.querySelectorAll("[data-pick]")) box.checked = Boolean(fieldOf(box.dataset.pick));
});
strip.addEventListener("click", (event) => {
  const entry = event.target.closest("li");
  const move = event.target.closest("[data-move]");
  if (event.target.closest("[data-remove]")) {
    const next = entry.nextElementSibling ?? entry.previousElementSibling;
    remove(entry);
    (next?.querySelector("[data-remove]") ?? form.querySelector("[data-opens=library]")).focus();
  } else if (move?.dataset.move === "-1" && entry.previousElementSibling) {
    entry.previousElementSibling.before(entry);
    move.focus();
    changed();
  } else if (move?.dataset.move === "1" && entry.nextElementSibling) {
    entry.nextElementSibling.after(entry);
    move.focus();
    changed();
  }
});

let dragged;
strip.addEventListener("dragstart", (event) => {
  dragged = event.target.closest("li");
  event.dataTransfer.effectAllowed = "move";
});
strip.addEventListener("dragover", (event) => {
  const over = event.target.closest("li");
  if (!dragged || !over || over === dragged) return;
  const box = over.getBoundingClientRect();
  if (event.clientX < box.x + box.width / 2) over.before(dragged);
  else over.after(dragged);
});
strip.addEventListener("dragend", () => {
  if (dragged) changed();
  dragged = undefined;
});

// A file that was dropped or chosen is uploaded (upload.js), then taken from the library.
document.getElementById("drop").addEventListener("uploaded", async ({ detail, target }) => {
  const response = await fetch(`${library.querySelector("[hx-get]").getAttribute("hx-get")}?edit=${encodeURIComponent(detail.edit_id)}`);
  const tile = new DOMParser().parseFromString(await response.text(), "text/html").querySelector(".pick-tile");
  if (tile) add(tile);
  detail.close();
  target.focus?.();
});
