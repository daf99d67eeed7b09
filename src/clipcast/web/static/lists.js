// Lists whose rows can be chosen (`form[data-choose]`, boxes named `chosen`), with their bar of actions and their keys:
// J and K move, X chooses, Enter opens, E edits, M moves, Q queues, R retries. The choice survives a refresh of the list.

const ROW = "[data-row]";
const chosen = new Set();
let last;

const boxes = () => [...document.querySelectorAll("form[data-choose] input[name=chosen], input[name=chosen][form]")];
const bar = () => document.querySelector("[data-bulk]");
const allBox = () => document.querySelector("[data-all]");

function show() {
  const here = boxes();
  for (const box of here) box.checked = chosen.has(box.value);
  for (const box of here) box.closest(ROW)?.classList.toggle("on", box.checked);
  const whole = document.querySelector("[data-choose-page]");
  const number = here.filter((box) => box.checked).length;
  if (whole) {
    whole.checked = number > 0 && number === here.length;
    whole.indeterminate = number > 0 && number < here.length;
  }
  const shown = bar();
  if (!shown) return;
  shown.hidden = number === 0;
  const all = allBox();
  if (all) {
    all.closest("label").hidden = number < here.length;
    if (number < here.length) all.checked = false;
  }
  const count = all?.checked ? all.dataset.all : String(number);
  for (const place of document.querySelectorAll("[data-chosen]")) place.textContent = count;
  for (const button of document.querySelectorAll("[data-confirm-chosen]")) {
    button.dataset.confirm = button.dataset.confirmChosen.replace(/\{(\w+)s\}/, (_, noun) => `${count} ${noun}${count === "1" ? "" : "s"}`);
  }
}

function choose(box, on) {
  if (on) chosen.add(box.value);
  else chosen.delete(box.value);
}

function unchoose() {
  chosen.clear();
  show();
}

document.addEventListener("click", (event) => {
  const box = event.target.closest?.("input[name=chosen]");
  if (box) {
    const here = boxes();
    const from = here.findIndex((one) => one.value === last);
    const to = here.indexOf(box);
    if (event.shiftKey && from >= 0) {
      for (const one of here.slice(Math.min(from, to), Math.max(from, to) + 1)) choose(one, box.checked);
    } else choose(box, box.checked);
    last = box.value;
    show();
  }
  if (event.target.closest?.("[data-unchoose]")) unchoose();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-choose-page]")) {
    for (const box of boxes()) choose(box, event.target.checked);
    show();
  }
  if (event.target.matches("[data-all]")) show();
});
// What was acted on is done; a refresh may have taken rows away.
document.addEventListener("bulk-done", unchoose);
document.addEventListener("htmx:after:swap", () => {
  const here = new Set(boxes().map((box) => box.value));
  for (const id of chosen) if (!here.has(id)) chosen.delete(id);
  show();
});
// What a person has chosen before the script was there.
for (const box of boxes()) if (box.checked) choose(box, true);
show();

const link = (row) => row.querySelector("a.title");
const TYPED = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest?.(TYPED) || document.body.dataset.keys === "off") return;
  const rows = [...document.querySelectorAll(ROW)];
  if (!rows.length) return;
  const row = document.activeElement.closest?.(ROW);
  const at = rows.indexOf(row);
  const move = { j: 1, k: -1 }[event.key.toLowerCase()];
  if (move) {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + (at < 0 ? (move > 0 ? 1 : 0) : move)))];
    link(next)?.focus();
    event.preventDefault();
    return;
  }
  const key = event.key.toLowerCase();
  if (key === "x" && row) {
    const box = row.querySelector("input[name=chosen]");
    if (!box) return;
    choose(box, !chosen.has(box.value));
    last = box.value;
    show();
    event.preventDefault();
  } else if (["e", "m", "q", "r"].includes(key)) {
    const own = !chosen.size && row?.querySelector(`[data-row-key=${key}]`);
    if (own) {
      own.click();
      event.preventDefault();
      return;
    }
    const box = row?.querySelector("input[name=chosen]");
    const button = document.querySelector(`[data-key=${key}]`);
    if (button && !chosen.size && box) { choose(box, true); show(); }
    if (button && chosen.size) {
      button.click();
      event.preventDefault();
    }
  }
});
