// The strip of chosen clips: added from the library or dropped as files, moved by dragging or with buttons, and removed.

import { changed, form } from "./compose_form.js";
import { onUploaded } from "./upload.js";

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

// With Shift, a press chooses all clips from the one that was pressed before.
let pressed;
library.addEventListener("click", (event) => {
  const box = event.target;
  if (!box.dataset.pick) return;
  const boxes = [...library.querySelectorAll("[data-pick]")];
  const [from, to] = [boxes.indexOf(pressed), boxes.indexOf(box)];
  pressed = box;
  if (!event.shiftKey || from < 0) return;
  const range = boxes.slice(Math.min(from, to), Math.max(from, to));
  for (const one of from > to ? range.reverse() : range) {
    if (one === box || one.checked === box.checked) continue;
    one.checked = box.checked;
    one.dispatchEvent(new Event("change", { bubbles: true }));
  }
});
library.addEventListener("change", ({ target }) => {
  if (target.matches("[data-pick-all]")) chooseDay(target);
  if (!target.dataset.pick) return;
  const field = fieldOf(target.dataset.pick);
  if (target.checked) add(target.closest(".pick-tile"));
  else if (field) remove(field.closest("li"));
  showDays();
});
document.addEventListener("htmx:after:swap", () => {
  for (const box of library.querySelectorAll("[data-pick]")) box.checked = Boolean(fieldOf(box.dataset.pick));
  showDays();
});

// The box of a day chooses all its clips, in the order in which they came.
const clipsOf = (box) => [...box.closest("section").querySelectorAll("[data-pick]")];
function chooseDay(box) {
  const wanted = box.checked;
  for (const one of clipsOf(box).reverse()) {
    if (one.checked === wanted) continue;
    one.checked = wanted;
    one.dispatchEvent(new Event("change", { bubbles: true }));
  }
}
function showDays() {
  for (const box of library.querySelectorAll("[data-pick-all]")) {
    const clips = clipsOf(box);
    const number = clips.filter((one) => one.checked).length;
    box.checked = number === clips.length;
    box.indeterminate = number > 0 && number < clips.length;
  }
}
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

// A file that was dropped or chosen here is uploaded (upload.js), then taken from the library. If that fails, the row of the
// upload stays, and the library has the clip.
onUploaded(async ({ edit_id: id, close }) => {
  const path = library.querySelector("[hx-get]").getAttribute("hx-get");
  const page = await fetch(`${path}?edit=${encodeURIComponent(id)}`).then((response) => response.text()).catch(() => "");
  const tile = new DOMParser().parseFromString(page, "text/html").querySelector(".pick-tile");
  if (!tile) return;
  add(tile);
  close();
});
