// The compose page. Each pause in typing saves the form. The response holds only what changed: checks, counters, preview,
// and the fields of the tabs if others are needed. A field that a person types in is never replaced.

import { showSheet, showStep } from "./compose_steps.js";
import { isTemporary } from "./request.js";

const SHEET = "dialog.sheet[open]";
export const form = document.getElementById("compose");
let edits = 0;
let saved = 0;
let tab = "all";
// The field that a person asked for before it was there.
let wanted;

// Note a change and save the form.
export function changed() {
  wanted = undefined;
  edits += 1;
  form.dispatchEvent(new Event("save"));
}

const isAside = (target) => Boolean(target?.closest?.("[data-aside]"));
for (const kind of ["input", "change"]) {
  // In the capture phase, before htmx sends the form.
  document.addEventListener(kind, (event) => { if (form.contains(event.target) && !isAside(event.target)) { edits += 1; wanted = undefined; } }, true);
}
document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  // Searches and choices of many have requests of their own.
  if (ctx.sourceElement === form && isAside(ctx.sourceEvent?.target)) event.preventDefault();
  ctx.edits = edits;
});
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  // Only the response to a save has these pieces: no search or sheet, no error, no ended session.
  ctx.isSave = tasks.some(({ target }) => target?.id === "now");
  ctx.hadConflict = Boolean(document.getElementById("conflict"));
  for (const { target, fragment } of tasks) {
    if (target?.id !== "fields" && target?.id !== "preview-as") continue;
    keepValues(target, fragment);
    keepOpen(fragment);
  }
});
document.addEventListener("htmx:after:swap", (event) => {
  const { isSave, hadConflict, edits: sent } = event.detail.ctx;
  if (!isSave) return;
  if (sent !== undefined) saved = sent;
  lost = false;
  place();
  // No sheet covers a conflict, and no other step of a phone hides a new one.
  const conflict = document.getElementById("conflict");
  if (conflict && (document.querySelector(SHEET) || !(hadConflict || conflict.getClientRects().length))) return toProblems();
  if (wanted) goTo(wanted);
  if (document.getElementById("replanned")) {
    document.getElementById("for-review").close();
    open(document.getElementById("when"));
    return document.getElementById("replanned").focus();
  }
  // A question is where the person sees it.
  if (!document.getElementById("doubles")) return;
  document.getElementById("for-review").close();
  open(document.getElementById("when"));
});

// A response that leads to another page has taken the form, too.
document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (ctx.hx?.redirect && ctx.request.action.startsWith(form.getAttribute("hx-post"))) saved = ctx.edits;
});

// The fields of a response hold what the server knew. What the page shows is newer.
function keepValues(shown, fragment) {
  for (const control of fragment.querySelectorAll("input, select, textarea")) {
    if (control.name === "shape" || control.type === "hidden") continue;
    const isBox = control.type === "checkbox" || control.type === "radio";
    const name = control.dataset.ownWords ? `[data-own-words="${CSS.escape(control.dataset.ownWords)}"]` : `[name="${CSS.escape(control.name)}"]`;
    const now = shown.querySelector(isBox && control.name ? `${name}[value="${CSS.escape(control.value)}"]` : name);
    if (!now) continue;
    control.disabled = now.disabled;
    if (isBox) { control.checked = now.checked; control.toggleAttribute("checked", now.checked); }
    else if (control.matches("textarea")) control.textContent = now.value;
    else if (control.matches("input")) control.setAttribute("value", now.value);
    else for (const option of control.options) option.toggleAttribute("selected", option.value === now.value);
  }
}

// The open parts and the open tab stay as they are: the server knows only their content.
function keepOpen(fragment) {
  for (const part of fragment.querySelectorAll("details[id]")) {
    const shown = document.getElementById(part.id);
    if (shown) part.open = shown.open;
  }
  if (fragment.querySelector("[role=tab]") && !fragment.querySelector(`#tab-${tab}`)) tab = "all";
  mark(fragment);
}

// Put each changed piece in its place.
function place() {
  const now = document.getElementById("now");
  if (!now.children.length) return;
  const found = new Map([...now.querySelectorAll("[data-spot]")].map((one) => [one.dataset.spot, one.innerHTML]));
  for (const spot of form.querySelectorAll("[data-spot]")) {
    if (now.contains(spot)) continue;
    const content = found.get(spot.dataset.spot) ?? "";
    if (spot.innerHTML !== content) spot.innerHTML = content;
    if (!spot.dataset.spot.startsWith("beside:")) continue;
    const control = document.getElementById(spot.dataset.spot.slice("beside:".length));
    if (control?.matches("input, select, textarea")) control.toggleAttribute("aria-invalid", false);
    if (control?.matches("input, select, textarea") && spot.querySelector(".problem")) control.setAttribute("aria-invalid", "true");
  }
}

// Tabs
function mark(root) {
  for (const one of root.querySelectorAll("[role=tab]")) {
    one.setAttribute("aria-selected", String(one.dataset.tab === tab));
    one.tabIndex = one.dataset.tab === tab ? 0 : -1;
  }
  for (const one of root.querySelectorAll("[role=tabpanel]")) one.hidden = one.dataset.tab !== tab;
}
function openTab(name) {
  if (!document.getElementById(`tab-${name}`)) return;
  tab = name;
  mark(document);
  // The preview shows an account of the tab.
  const chosen = document.getElementById("preview-account");
  const first = chosen?.querySelector(`[data-platform="${name}"]`);
  if (first && chosen.selectedOptions[0]?.dataset.platform !== name) {
    chosen.value = first.value;
    changed();
  }
}
const tabs = () => [...form.querySelectorAll("[role=tab]")];

function fieldNamed(name) {
  const id = CSS.escape(name);
  const owner = name.match(/^account\.([\w-]+)/);
  return document.getElementById(name === "when" ? "" : name) ?? form.querySelector(`[name="${id}"]:checked`) ?? form.querySelector(`[name="${id}"]`)
    ?? form.querySelector(`[data-spot="beside:${id}"]:not(#now *)`) ?? (owner && (document.getElementById(`account-${owner[1]}`) ?? document.getElementById(`pick-${owner[1]}`)));
}

// Go to a field, wherever it is. A field that is not there yet comes with the next response.
function goTo(name) {
  wanted = name;
  if (name === "cell") {
    wanted = undefined;
    return open(document.getElementById("grid"));
  }
  const field = fieldNamed(name);
  if (!field) return;
  wanted = undefined;
  const panel = field.closest("[role=tabpanel]");
  if (panel) openTab(panel.dataset.tab);
  const place = field.closest("[data-of-step]");
  if (place) showStep(Number(place.dataset.ofStep));
  for (let part = field.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  const sheet = field.closest("dialog");
  if (sheet) open(sheet);
  if (sheet?.id === "when") showStep(4);
  field.scrollIntoView({ block: "center" });
  const control = field.matches("input, select, textarea") ? field : field.querySelector("input, select, textarea") ?? field;
  control.focus();
  // What is wrong with an account stands beside its fields, and is none itself.
  if (document.activeElement !== control) {
    control.tabIndex = -1;
    control.focus();
  }
  // An empty choice shows its list, so that one press chooses. Browsers allow it after a press only.
  if (control.matches("select") && !control.value) try { control.showPicker(); } catch { /* it has the focus */ }
}

// At the end of the caption. A signature stands before the hashtags there, as `with_signature` of clients/words.py puts it.
function withInsert(text, more, isBeforeTags) {
  const lines = text.trimEnd().split("\n");
  let words = lines.length;
  while (isBeforeTags && words && lines[words - 1].split(/\s+/).every((word) => !word || word.startsWith("#"))) words -= 1;
  const [body, tags] = [lines.slice(0, words), lines.slice(words)].map((part) => part.join("\n"));
  return [body.trimEnd(), more, tags.trim()].filter(Boolean).join("\n\n");
}

// Sheets. One that loads its content when it opens listens for `open`.
export function open(sheet) {
  showSheet(sheet);
  for (const one of [sheet, ...sheet.querySelectorAll("[hx-trigger]")]) one.dispatchEvent(new Event("open"));
}

form.addEventListener("click", (event) => {
  const one = event.target.closest("[data-tab][role=tab], [data-field], [data-opens], [data-closes], [data-own], [data-insert], [data-send-as], dialog [href='#problems']");
  if (!one) return;
  if (one.dataset.insert) {
    // Once: a second press adds nothing.
    const field = document.getElementById(one.dataset.into);
    if (!field.value.includes(one.dataset.insert)) {
      field.value = withInsert(field.value, one.dataset.insert, "beforeTags" in one.dataset);
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    field.focus();
  }
  if (one.matches("[role=tab]")) openTab(one.dataset.tab);
  if (one.dataset.field) { event.preventDefault(); one.closest("dialog")?.close(); goTo(one.dataset.field); }
  if (one.dataset.opens) {
    one.closest("[popover]")?.hidePopover();
    open(document.getElementById(one.dataset.opens));
  }
  if (one.hash === "#problems") { event.preventDefault(); toProblems(); }
  else if (one.matches("[data-closes]")) one.closest("dialog").close();
  if (one.dataset.own) {
    const chosen = Object.assign(document.createElement("input"), { type: "hidden", name: "own", value: one.dataset.own });
    document.getElementById("fields").append(chosen);
    one.closest("dialog").close();
    openTab(one.dataset.tabOf);
    showStep(3);
    changed();
  }
  if (one.dataset.sendAs) {
    one.closest("[popover]").hidePopover();
    form.querySelector(`[name=when][value=${one.dataset.sendAs}]`).checked = true;
    whenAuto.value = "";
    showChoice(one.dataset.sendAs);
    form.elements["plan.shown"].value = one.dataset.sendAs; // the button says it all
    edits += 1;
    document.getElementById("send").click();
  }
});
form.addEventListener("keydown", (event) => {
  if (event.target.matches("[role=tab]") && ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
    const all = tabs();
    const at = all.indexOf(event.target);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    const other = all.at(next % all.length);
    openTab(other.dataset.tab);
    other.focus();
    event.preventDefault();
  }
});
document.addEventListener("keydown", (event) => {
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    const sheet = document.getElementById("when");
    if (sheet.open) document.getElementById("send").click();
    else open(sheet);
  } else if (digit && (event.ctrlKey || event.altKey) && !event.shiftKey && tabs()[digit - 1]) {
    event.preventDefault();
    openTab(tabs()[digit - 1].dataset.tab);
  }
});

// Until a person chooses when, the server does: by the posting times of the chosen accounts.
const whenAuto = document.getElementById("when-auto");
form.addEventListener("input", ({ target }) => {
  if (target.name !== "when") return;
  whenAuto.value = "";
  showChoice(target.value);
}, true);
// The sheet never shows the plan of another choice. Of several posts, the next response brings the plan: a press before is
// not what the person saw, and the server refuses it.
function showChoice(value) {
  form.elements["plan.shown"].value = value === "now" || value === "later" ? value : "";
  document.getElementById("plan").replaceChildren();
  for (const spot of form.querySelectorAll("[data-spot=at]")) spot.textContent = "";
  const [verb, done] = value === "now" ? ["Publish", "published"] : ["Schedule", "scheduled"];
  for (const words of form.querySelectorAll("[data-spot=send] [data-undone]")) {
    words.textContent = words.textContent.replace(/^(Publish|Schedule)/, verb);
    words.dataset.undone = words.dataset.undone.replace(/(published|scheduled)$/, done);
  }
}
document.addEventListener("htmx:after:swap", () => {
  const wanted = document.querySelector("#state [data-when]")?.dataset.when;
  const choice = wanted && whenAuto.value && form.querySelector(`[name=when][value="${CSS.escape(wanted)}"]`);
  if (choice) choice.checked = true;
});

// A setting of the last post is one no longer, once a person changes it.
form.addEventListener("input", ({ target }) => {
  for (let field = target.closest(".field"); field; field = field.parentElement.closest(".field")) field.querySelector(":scope > .as-last")?.remove();
});

// A platform's own words: off, its field shows those of the tab All.
form.addEventListener("change", ({ target }) => {
  if (!target.dataset.ownWords) return;
  const field = document.getElementById(target.dataset.ownWords);
  const common = document.getElementById(field.dataset.follows).value;
  if (!target.checked) field.dataset.own = field.value;
  field.disabled = !target.checked;
  field.value = target.checked ? field.dataset.own ?? common : common;
  if (target.checked) field.focus();
});
form.addEventListener("input", ({ target }) => {
  for (const field of form.querySelectorAll(`[data-follows="${CSS.escape(target.id)}"]:disabled`)) field.value = target.value;
});

// A post that was not sent: its checks say why. A field of the open sheet is there to be filled in.
function toProblems() {
  const sheet = [...form.querySelectorAll(SHEET)].at(-1);
  const fields = [...document.querySelectorAll("#problems .bad [data-field]")].map((one) => one.dataset.field);
  const here = sheet && !document.getElementById("conflict") && fields.find((name) => sheet.contains(fieldNamed(name)));
  if (here) return goTo(here);
  for (const open of document.querySelectorAll(SHEET)) open.close();
  showStep(3);
  (document.getElementById("conflict") ?? document.getElementById("problems")).focus();
}
document.addEventListener("rejected", toProblems);
// Without a connection, the page counts itself.
function countHere() {
  if (!isLost()) return;
  const [clips, accounts] = ["clip", "account"].map((name) => [...form.querySelectorAll(`[name=${name}]`)]
    .filter((one) => one.type === "hidden" || one.checked).map((one) => one.value));
  const open = new Set([...form.querySelectorAll("[name='cell.shown']")].map((one) => one.value));
  const out = new Set([...form.querySelectorAll("[name=left_out]")].map((one) => one.value).filter((pair) => !open.has(pair)));
  for (const box of form.querySelectorAll("[name=cell]")) if (!box.checked) out.add(box.value);
  const targets = clips.flatMap((clip) => accounts.filter((account) => !out.has(`${clip}/${account}`))).length;
  const repeats = form.querySelector("[name=when]:checked")?.value === "repeat" ? Number(form.elements["repeat.times"].value) || 1 : 1;
  const number = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
  const items = number(targets * repeats, "item");
  for (const spot of form.querySelectorAll("[data-spot=items]")) spot.textContent = items;
  for (const spot of form.querySelectorAll("[data-spot=chosen]")) spot.textContent = `${number(accounts.length, "account")} · ${items}`;
  for (const words of form.querySelectorAll("[data-spot=send] [data-undone]")) words.textContent = words.textContent.replace(/\d+ items?/, items);
}
form.addEventListener("save", countHere);
form.addEventListener("change", countHere);

// Another page has changed the draft, or the post that it replaces: `yes` stands for all that came before the events. A
// page with unsaved words learns of it when it saves them.
const live = document.getElementById("live");
document.body.addEventListener("refresh", ({ detail }) => {
  const { draft, posts } = live.dataset;
  const ids = detail?.ids?.split(",") ?? [];
  if (isSaved() && ["yes", draft, posts].some((id) => ids.includes(id))) live.dispatchEvent(new Event("look"));
});

// What the server did not take: the page tries again until it is saved, and after a new sign-in.
let again;
let lost = false;
export const isSaved = () => edits === saved;
export const isLost = () => lost || !navigator.onLine;
const sayNotSaved = (why) => { document.querySelector("#saved [data-spot]").textContent = `Not saved: ${why}`; };
document.addEventListener("sign-in-needed", () => { if (!isSaved()) sayNotSaved("sign in again"); });
for (const name of ["htmx:error", "htmx:response:error"]) {
  document.addEventListener(name, ({ detail: { ctx } }) => {
    if (ctx?.sourceElement !== form || (name === "htmx:error" && ctx.text !== undefined)) return;
    const status = ctx.text === undefined ? 0 : ctx.response.status; // a response that broke off is lost
    lost = !status || isTemporary(status);
    if (status === 401) return; // the sign-in is asked for
    sayNotSaved(!status ? "no connection" : lost ? "the server failed" : "the server rejected it");
    clearTimeout(again);
    if (lost) again = setTimeout(() => form.dispatchEvent(new Event("save")), 5000);
  });
}

// A sheet that was opened before this script was there has nothing in it yet. htmx listens a moment later.
for (const sheet of document.querySelectorAll("dialog.sheet[open]")) setTimeout(() => open(sheet));

// What a person has typed and chosen before this script was there.
function isTouched(control) {
  if (!control.name || control.disabled || isAside(control)) return false;
  if (control.matches("select")) {
    const options = [...control.options];
    const first = options.some((one) => one.defaultSelected) ? (one) => one.defaultSelected : (_, index) => index === 0;
    return options.some((one, index) => one.selected !== first(one, index));
  }
  if (["checkbox", "radio"].includes(control.type)) return control.checked !== control.defaultChecked;
  return control.value !== control.defaultValue;
}
if ([...form.elements].some((control) => control.matches("input, select, textarea") && isTouched(control))) setTimeout(changed);
