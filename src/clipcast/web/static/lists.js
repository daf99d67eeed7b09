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
  // One action at a time.
  shown.inert = Boolean(document.querySelector("#notices .bulk-progress"));
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
  // Notices are above the bar, whose height depends on what it says.
  document.documentElement.style.setProperty("--bulk", shown.hidden ? "0px" : `${shown.offsetHeight + 16}px`);
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
// An action that goes on request by request stays on the page when one of them fails, says how far it got, and can continue.
function broken(event) {
  const { sourceElement: form, text } = event.detail.ctx ?? {};
  const place = form?.querySelector("[data-broken]");
  if (!place) return;
  event.stopImmediatePropagation();
  const told = text && new DOMParser().parseFromString(text, "text/html").querySelector(".notice")?.textContent.trim();
  if (told) place.querySelector("[data-reason]").textContent = told;
  place.hidden = false;
  form.querySelector("[data-continue]").hidden = false;
}
for (const name of ["htmx:error", "htmx:response:error"]) document.addEventListener(name, broken, true);
// The connection is gone: the page says so at once, before the request ends.
window.addEventListener("offline", () => {
  const place = document.querySelector("#bulk-rest [data-broken]");
  if (place) place.hidden = place.parentElement.querySelector("[data-continue]").hidden = false;
});
document.addEventListener("click", (event) => {
  const stop = event.target.closest?.("[data-stop]");
  if (!stop) return;
  const said = Object.assign(document.createElement("p"), { className: "notice", textContent: stop.dataset.stop });
  stop.closest(".bulk-progress").replaceWith(said);
  htmx.trigger(document.body, "refresh");
});
// The press is seen at once. The first response is there after a second, and has the number and Stop.
const notices = document.getElementById("notices");
new MutationObserver(show).observe(notices, { childList: true });
window.addEventListener("resize", show);
let pressed;
document.addEventListener("submit", ({ submitter }) => {
  if (!submitter?.dataset.ongoing) return;
  pressed = submitter;
  const count = document.querySelector("[data-chosen]")?.textContent;
  const begun = Object.assign(document.createElement("p"), { className: "notice bulk-progress" });
  begun.dataset.begun = "";
  begun.append(submitter.dataset.ongoing.replace("{posts}", `${count} ${count === "1" ? "post" : "posts"}`), document.createElement("progress"));
  for (const one of notices.querySelectorAll("[data-begun], .bulk-broken")) one.remove();
  notices.append(begun);
});
function press(button) {
  button.form.dataset.confirmed = "yes";
  button.form.requestSubmit(button);
  delete button.form.dataset.confirmed;
}
// The first request, or its response, was lost: its press can be sent again, and its id lets no post be done twice. In an ended session, it
// is sent again after the password.
let waiting;
function ended(event) {
  const { ctx } = event.detail;
  if (!pressed || ctx?.sourceElement !== pressed.form) return;
  const begun = document.querySelector("[data-begun]");
  begun?.remove();
  if (ctx.response?.status === 401) waiting = pressed;
  if (ctx.text !== undefined) return;
  // The headers of a response that broke off do not end the choice, which Continue needs.
  if (ctx.hx) ctx.hx.trigger = "";
  event.stopImmediatePropagation();
  const again = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: "Continue" });
  const button = pressed;
  again.addEventListener("click", () => button.isConnected && press(button));
  const said = Object.assign(document.createElement("p"), { className: "notice bad bulk-broken" });
  said.setAttribute("role", "alert");
  said.append("The connection broke. The action may be done in part. Continue does the others, and no post twice. ", again);
  notices.append(said);
}
for (const name of ["htmx:error", "htmx:response:error"]) document.addEventListener(name, ended, true);
document.body.addEventListener("signed-in-again", () => {
  const again = waiting;
  waiting = undefined;
  if (again?.isConnected) press(again);
});
// What was just made is said once: a reload shows the list alone.
const address = new URL(location.href);
if (address.searchParams.has("made")) {
  address.searchParams.delete("made");
  history.replaceState(history.state, "", address);
}
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
    if (bar()?.inert) return;
    if (button && !chosen.size && box) { choose(box, true); show(); }
    if (button && chosen.size) {
      button.click();
      event.preventDefault();
    }
  }
});
