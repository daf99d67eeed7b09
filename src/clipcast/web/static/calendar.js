// The calendar: entries move by dragging, by M (their menu's dialog), and back by Undo. Pages are turned without a reload.
// The server makes every page; this script tells it what to move, and where the focus and a drag under way are kept.

const live = () => document.getElementById("live");
const notices = document.getElementById("notices");
const dialog = document.getElementById("move");

// A phone shows the list only, whatever the address says. The server knows of the width by a cookie (app.js).
const narrow = matchMedia("(max-width: 48rem)");
function fit() {
  if (narrow.matches && live().dataset.view !== "list") turn(live().dataset.list);
}

// --- Pages

// One page at a time: the answer to an earlier request never replaces a later page.
let last = Promise.resolve();
function load(address, more = {}) {
  last = last
    .then(() => htmx.ajax("GET", address(), { source: live(), target: "#live", select: "#live", swap: "outerMorph", ...more }))
    .catch(() => undefined); // app.js says that there is no connection
  return last;
}

async function turn(address, focus) {
  await load(() => address, { push: address });
  if (focus) document.getElementById(focus)?.focus();
}

// A refresh would take an entry out of the hand: it waits for the end of the drag.
let refreshing = false;
let waits = false;
async function refresh() {
  waits = Boolean(dragged) || refreshing;
  if (waits) return;
  refreshing = true;
  await load(() => live().dataset.address);
  refreshing = false;
  if (waits && !dragged) refresh();
}
document.body.addEventListener("refresh", refresh);
document.addEventListener("htmx:before:swap", (event) => {
  const { target, push } = event.detail.ctx;
  if (!dragged || target !== live() || push) return;
  event.preventDefault();
  waits = true;
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-turn]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  turn(link.href);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("#calendar-filters");
  if (!form || event.target.name === "find") return;
  const chosen = [...new FormData(form)].filter(([name, value]) => value && name !== "find");
  turn(`${form.action}?${new URLSearchParams(chosen)}`);
});

// --- Moves

function say(text) {
  const notice = document.createElement("p");
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  notices.replaceChildren(notice);
}

// Returns the problem if the server refused; undefined if it moved.
async function move(path, body) {
  let response;
  try {
    response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    return { detail: "No connection. Nothing was moved." };
  }
  if (response.ok) {
    notices.innerHTML = await response.text();
    refresh();
    return undefined;
  }
  if (response.status === 401) document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
  const problem = await response.json().catch(() => ({}));
  if (response.status !== 422) refresh();
  return { detail: "Nothing was moved. Try again.", ...problem };
}

// The path of an entry's move, by the id of its link: `post-...` or `draft-...`.
function pathOf(entry) {
  const [, kind, id] = /^(\w+?)-(.+)$/.exec(entry.querySelector("a[id]").id);
  return `${live().dataset.base}/${kind}s/${id}/move`;
}

async function openMove(entry) {
  const path = pathOf(entry);
  try {
    await (await import("./calendar_move.js")).open(path, move);
  } catch {
    say("No connection. Nothing was moved.");
  }
}

notices.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.submitter.disabled = true; // a second press would find another version
  const { instant, slot_at, version } = Object.fromEntries(new FormData(event.target));
  const body = { instant: instant || null, slot_at: slot_at || null, version: Number(version) };
  const problem = await move(event.target.getAttribute("action"), body);
  if (problem) say(problem.detail);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.move");
  if (button) openMove(button.closest("li"));
});

// --- Dragging

const EDGE = 28; // pixels beside the days in which a dragged entry turns the page
const HOLD = 700; // milliseconds until it does, and again
let dragged;
let over;
let turning;
let lists = [];

// A free time takes entries of its own client only. Over another one, the day takes the entry, as beside it.
function takes(hole) {
  const { client } = dragged.entry.dataset;
  return client === undefined || client === hole.dataset.client;
}
function markOthers() {
  for (const hole of live().querySelectorAll("[data-instant]")) hole.classList.toggle("other", Boolean(dragged) && !takes(hole));
}

function targetAt(x, y) {
  const found = document.elementFromPoint(x, y);
  const hole = found?.closest("[data-instant]");
  return hole && live().contains(hole) && takes(hole) ? hole : found?.closest("#live [data-day]");
}

function mark(target) {
  over?.classList.remove("over");
  over = target;
  over?.classList.add("over");
}

function edgeAt(x, y) {
  const link = document.elementFromPoint(x, y)?.closest("#earlier, #later");
  if (link) return link.id;
  const box = live().querySelector(".grid")?.getBoundingClientRect();
  if (!box || y < box.top || y > box.bottom) return undefined;
  if (x < box.left + EDGE) return "earlier";
  return x > box.right - EDGE ? "later" : undefined;
}

function track({ clientX: x, clientY: y }) {
  if (!dragged) return;
  dragged.at = [x, y];
  mark(targetAt(x, y));
  const edge = edgeAt(x, y);
  if (edge === dragged.edge) return;
  dragged.edge = edge;
  clearTimeout(turning);
  if (edge) turning = setTimeout(hold, HOLD);
}

async function hold() {
  if (!dragged?.edge) return;
  // The entry in the hand must outlive its page.
  document.getElementById("in-hand").append(dragged.entry);
  await turn(document.getElementById(dragged.edge).href);
  if (!dragged) return;
  markOthers();
  mark(targetAt(...dragged.at));
  turning = setTimeout(hold, HOLD);
}

function begin(event) {
  dragged = { entry: event.item, from: event.from, path: pathOf(event.item), version: Number(event.item.dataset.version) };
  dragged.day = event.item.closest("[data-day]").dataset.day;
  document.addEventListener("pointermove", track);
  markOthers();
}

async function end(event) {
  document.removeEventListener("pointermove", track);
  clearTimeout(turning);
  const { entry, path, version, day, cancelled } = dragged;
  const target = cancelled ? undefined : over;
  mark(undefined);
  dragged = undefined;
  markOthers();
  if (entry.closest("#in-hand")) entry.remove();
  // The press that ends a drag is no click on a link.
  const swallow = (click) => { click.preventDefault(); click.stopPropagation(); };
  document.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", swallow, { capture: true }));
  const body = !target ? undefined : target.dataset.instant ? { instant: target.dataset.instant, free_of: target.dataset.client }
    : target.dataset.day === day ? undefined : target.dataset.day ? { day: target.dataset.day } : { instant: null };
  if (body) {
    const problem = await move(path, { ...body, version });
    if (problem) say(problem.detail);
  }
  if (waits) refresh();
}

// Lists stay still while an entry is dragged: the day or the free time under it is marked, and takes it.
function makeDraggable() {
  if (dragged) return;
  lists = lists.filter((list) => list.el.isConnected || list.destroy());
  if (!("edits" in live().dataset) || live().dataset.view === "list") return;
  for (const list of live().querySelectorAll("ul:has(> [data-version])")) {
    if (Sortable.get(list)) continue;
    lists.push(new Sortable(list, {
      draggable: "[data-version]", sort: false, group: "calendar", forceFallback: true, fallbackOnBody: true, fallbackTolerance: 4,
      // A finger that scrolls picks up nothing.
      delay: 250, delayOnTouchOnly: true, touchStartThreshold: 6,
      ghostClass: "picked", fallbackClass: "in-hand", filter: "button", preventOnFilter: false,
      onMove: () => false, onStart: begin, onEnd: end,
    }));
  }
}

// The browser's own dragging of a link or picture would end ours.
document.addEventListener("dragstart", (event) => {
  if (event.target.closest?.("#live [data-version]")) event.preventDefault();
});

// --- Keys: arrows move the day, Page Up and Down turn the page, T is today, M moves, N composes, Escape drops nothing.

const TYPED = "input, textarea, select, [contenteditable]";
// What is open has keys of its own.
const OPEN = "details[open], [popover], [role=menu]";
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

function shift(day, days) {
  const at = new Date(`${day}T00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}

function goTo(day, back) {
  const link = document.getElementById(`day-${day}`);
  if (link) return link.focus();
  const edge = new URL(document.getElementById(back ? "earlier" : "later").href);
  edge.searchParams.set("at", day);
  return turn(edge.href, `day-${day}`);
}

// The day that the arrows begin at, from anywhere on the page: today, if it is shown.
function firstDay() {
  const at = document.querySelector("#calendar-filters [name=at]").value;
  const link = live().querySelector("a[id^=day-][aria-current=date]") ?? document.getElementById(`day-${at}`) ?? live().querySelector("a[id^=day-]");
  return link?.focus();
}

function turnTo(id) {
  const { href } = document.getElementById(id);
  return turn(href, `day-${new URL(href).searchParams.get("at")}`);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && dragged) dragged.cancelled = true;
  if (event.altKey || event.metaKey || event.shiftKey || dialog.open || document.querySelector("dialog[open]")) return;
  if (event.ctrlKey) {
    const undo = event.key === "z" && !event.target.closest?.(TYPED) && notices.querySelector("form button");
    if (undo) undo.click();
    return;
  }
  if (event.target.closest?.(`${TYPED}, ${OPEN}`) || document.body.dataset.keys === "off") return;
  const active = document.activeElement;
  const day = active.closest?.("#live [data-day]")?.dataset.day;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = {
    t: () => turnTo("to-today"),
    m: active.closest?.("[data-version]") && (() => openMove(active.closest("[data-version]"))),
    n: day && (() => { location.href = `${live().dataset.compose}?at=${day}T12:00`; }),
    PageUp: () => turnTo("earlier"),
    PageDown: () => turnTo("later"),
  }[key];
  const step = STEPS[key];
  if (act) act();
  else if (step && day) goTo(shift(day, live().dataset.view === "month" ? step : Math.sign(step)), step < 0);
  else if (step) firstDay();
  else return;
  event.preventDefault();
});

// The library wants every list that holds a dragged entry to be one of its own.
new Sortable(document.getElementById("in-hand"), { sort: false });
document.addEventListener("htmx:after:swap", makeDraggable);
narrow.addEventListener("change", fit);
makeDraggable();
fit();
