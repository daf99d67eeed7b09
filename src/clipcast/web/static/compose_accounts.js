// The accounts of the compose page. The list keeps the choice: a box, or a hidden field while its row is not loaded.

import { showLost } from "./connection.js";
import { call } from "./request.js";
import { changed, form } from "./compose_form.js";

const list = document.getElementById("accounts");
const found = document.getElementById("found");
// The accounts that each chip stands for, once it was pressed.
const known = new Map();

const fieldOf = (id) => list.querySelector(`[name=account][value="${CSS.escape(id)}"]`);
const isChosen = (id) => { const field = fieldOf(id); return Boolean(field && (field.type === "hidden" || field.checked)); };
const chosenIn = (place) => place.querySelectorAll("[name=account]:checked, [name=account][type=hidden]").length;

function choose(id, group, on) {
  const field = fieldOf(id);
  if (field?.type === "checkbox") field.checked = on;
  else if (field && !on) field.remove();
  else if (!field && on) {
    const hidden = Object.assign(document.createElement("input"), { type: "hidden", name: "account", value: id });
    list.querySelector(`[data-rows="${CSS.escape(group)}"]`)?.append(hidden);
  }
}

// Without a connection, a group whose rows are on the page is chosen all the same.
function loadedIn(group) {
  const rows = [...list.querySelectorAll(`[data-rows="${CSS.escape(group)}"] [name=account]:not(:disabled)`)];
  const count = Number(document.getElementById(`group-${group}`).querySelector("[data-count]").dataset.count);
  return rows.length === count ? rows.map(({ value: id }) => ({ id, group })) : [];
}
function say(text) {
  const notice = Object.assign(document.createElement("p"), { className: "notice bad", textContent: text });
  notice.setAttribute("role", "alert");
  document.getElementById("notices").replaceChildren(notice);
}

// Choose all of them or none; without `wanted`, none if all are chosen already. One after the other: a press on a slow network
// means what the page showed then, and a second press on the same chip nothing.
let last = Promise.resolve();
const pressed = new Set();
function chooseMany(query, group, wanted) {
  if (pressed.has(query) && wanted === undefined) return;
  pressed.add(query);
  last = last.then(() => chooseNow(query, group, wanted)).finally(() => pressed.delete(query));
}
async function chooseNow(query, group, wanted) {
  let accounts;
  try {
    accounts = await call(`${form.dataset.accounts}/choice?${query}`);
  } catch (error) {
    accounts = group ? loadedIn(group) : [];
    if (!accounts.length) (error instanceof TypeError ? showLost : say)(error.message);
  }
  const on = wanted ?? !accounts.every(({ id }) => isChosen(id));
  for (const { id, group } of accounts) choose(id, group, on);
  known.set(query, accounts);
  show();
  if (accounts.length) changed();
}

// Show the counts, the states of the groups and the pressed chips.
function show() {
  for (const group of list.querySelectorAll(".group")) {
    const count = group.querySelector("[data-count]");
    const [chosen, usable] = [chosenIn(group), Number(count.dataset.count)];
    const box = group.querySelector("[data-choice-of]");
    // Of a post that is edited, accounts that cannot be used stay chosen.
    const unusable = group.querySelectorAll(".acc.no [name=account]:checked").length;
    box.checked = chosen > 0 && chosen - unusable >= usable;
    box.indeterminate = chosen > 0 && !box.checked;
    count.textContent = chosen ? `${chosen} of ${count.dataset.all}` : String(usable);
  }
  const total = document.getElementById("account-count");
  total.textContent = `${chosenIn(list)} of ${total.dataset.all}`;
  for (const chip of form.querySelectorAll("[data-choice]")) {
    const accounts = known.get(chip.dataset.choice);
    chip.setAttribute("aria-pressed", String(Boolean(accounts?.length && accounts.every(({ id }) => isChosen(id)))));
  }
  for (const box of found.querySelectorAll("[data-mirror]")) box.checked = isChosen(box.dataset.mirror);
}

form.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-choice]");
  if (chip) chooseMany(chip.dataset.choice);
  const head = event.target.closest("[data-group][aria-expanded]");
  if (head) {
    const isOpen = head.getAttribute("aria-expanded") === "true";
    head.setAttribute("aria-expanded", String(!isOpen));
    document.getElementById(head.getAttribute("aria-controls")).hidden = isOpen;
  }
});
form.addEventListener("change", ({ target }) => {
  if (target.dataset.choiceOf) chooseMany(`group=${encodeURIComponent(target.dataset.choiceOf)}`, target.dataset.choiceOf, target.checked);
  if (target.dataset.mirror) {
    choose(target.dataset.mirror, target.dataset.group, target.checked);
    changed();
  }
  if (target.name === "account" || target.dataset.mirror) show();
});
document.addEventListener("htmx:before:swap", (event) => {
  for (const { target, fragment } of event.detail.tasks) {
    if (!target?.dataset?.rows) continue;
    // The rows of a group arrive: what was chosen without them stays chosen.
    for (const hidden of target.querySelectorAll("[name=account][type=hidden]")) {
      const row = fragment.querySelector(`[value="${CSS.escape(hidden.value)}"]`);
      if (row) { row.checked = true; row.setAttribute("checked", ""); } else fragment.append(hidden.cloneNode());
    }
  }
});
document.addEventListener("htmx:after:swap", () => {
  const isSearch = Boolean(document.getElementById("find-account")?.value.trim());
  found.hidden = !isSearch;
  list.hidden = isSearch;
  show();
});
document.getElementById("find-account")?.addEventListener("input", ({ target }) => {
  if (!target.value.trim()) { found.hidden = true; list.hidden = false; }
});
show();
