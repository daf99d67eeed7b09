// The compose page. Each pause in typing saves the form. The response holds only what changed: checks, counters, preview,
// and the fields of the tabs if others are needed. A field that a person types in is never replaced.

import { showStep } from "./compose_steps.js";

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
  for (const { target, fragment } of event.detail.tasks) {
    if (target?.id !== "fields" && target?.id !== "preview-as") continue;
    keepValues(target, fragment);
    keepOpen(fragment);
  }
});
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.edits !== undefined) saved = event.detail.ctx.edits;
  place();
  if (wanted) goTo(wanted);
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

// Go to a field, wherever it is. A field that is not there yet comes with the next response.
function goTo(name) {
  wanted = name;
  if (name === "cell") {
    wanted = undefined;
    return open(document.getElementById("grid"));
  }
  const id = CSS.escape(name);
  const owner = name.match(/^account\.([\w-]+)/);
  const field = document.getElementById(name) ?? form.querySelector(`[name="${id}"]`) ?? form.querySelector(`[data-spot="beside:${id}"]`)
    ?? (owner && document.getElementById(`account-${owner[1]}`));
  if (!field) return;
  wanted = undefined;
  const panel = field.closest("[role=tabpanel]");
  if (panel) openTab(panel.dataset.tab);
  const place = field.closest("[data-of-step]");
  if (place) showStep(Number(place.dataset.ofStep));
  for (let part = field.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  const sheet = field.closest("dialog");
  if (sheet) open(sheet);
  field.scrollIntoView({ block: "center" });
  (field.matches("input, select, textarea") ? field : field.querySelector("input, select, textarea") ?? field).focus();
}

// Sheets. One that loads its content when it opens listens for `open`.
export function open(sheet) {
  if (!sheet.open) sheet.showModal();
  for (const one of [sheet, ...sheet.querySelectorAll("[hx-trigger]")]) one.dispatchEvent(new Event("open"));
}

form.addEventListener("click", (event) => {
  const one = event.target.closest("[data-tab][role=tab], [data-field], [data-opens], [data-closes], [data-own], [data-insert], [data-publish-now]");
  if (!one) return;
  if (one.dataset.insert) {
    // At the end of the caption, and once: a second press adds nothing.
    const field = document.getElementById(one.dataset.into);
    if (!field.value.includes(one.dataset.insert)) {
      field.value = [field.value.trimEnd(), one.dataset.insert].filter(Boolean).join("\n\n");
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
  if (one.matches("[data-closes]")) one.closest("dialog").close();
  if (one.dataset.own) {
    const chosen = Object.assign(document.createElement("input"), { type: "hidden", name: "own", value: one.dataset.own });
    document.getElementById("fields").append(chosen);
    one.closest("dialog").close();
    openTab(one.dataset.tabOf);
    showStep(3);
    changed();
  }
  if (one.matches("[data-publish-now]")) {
    one.closest("[popover]").hidePopover();
    form.querySelector("[name=when][value=now]").checked = true;
    whenAuto.value = "";
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
form.addEventListener("input", ({ target }) => { if (target.name === "when") whenAuto.value = ""; }, true);
document.addEventListener("htmx:after:swap", () => {
  const wanted = document.querySelector("#state [data-when]")?.dataset.when;
  const choice = wanted && whenAuto.value && form.querySelector(`[name=when][value="${CSS.escape(wanted)}"]`);
  if (choice) choice.checked = true;
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

// A post that was not sent: its checks say why.
document.addEventListener("rejected", () => {
  document.getElementById("when").close();
  showStep(3);
  (document.getElementById("conflict") ?? document.getElementById("problems")).focus();
});
// Without a connection, the page tries again until it is saved.
let again;
let lost = false;
export const isSaved = () => edits === saved;
export const isLost = () => lost || !navigator.onLine;
document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx?.response || event.detail.ctx?.sourceElement !== form) return;
  lost = true;
  document.querySelector("#saved [data-spot]").textContent = "Not saved: no connection";
  clearTimeout(again);
  again = setTimeout(() => form.dispatchEvent(new Event("save")), 5000);
});
document.addEventListener("htmx:after:swap", (event) => {
  if (!lost || event.detail.ctx.sourceElement !== form) return;
  lost = false;
  document.querySelector("#notices > .notice.bad")?.remove();
});
