// The accounts page: groups of clients fold, and a box chooses its whole group. lists.js does the rest of choosing.

const KEPT = "clipcast-account-groups";
// What a person has folded or opened, by the group: a group without a choice is as the server made it.
const chosen = new Map(Object.entries(JSON.parse(sessionStorage.getItem(KEPT) ?? "{}")));
const isFolded = (button) => chosen.get(button.dataset.fold) ?? "beginsClosed" in button.closest("tbody").dataset;
const boxesOf = (group) => [...group.querySelectorAll("input[name=chosen]")];

function show() {
  for (const button of document.querySelectorAll("[data-fold]")) {
    button.setAttribute("aria-expanded", String(!isFolded(button)));
    button.closest("tbody").classList.toggle("folded", isFolded(button));
  }
  for (const box of document.querySelectorAll("[data-choose-group]")) {
    const boxes = boxesOf(box.closest("tbody"));
    const number = boxes.filter((one) => one.checked).length;
    box.checked = number > 0 && number === boxes.length;
    box.indeterminate = number > 0 && number < boxes.length;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-fold]");
  if (!button) return;
  chosen.set(button.dataset.fold, !isFolded(button));
  sessionStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(chosen)));
  show();
});
document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches("[data-choose-group]")) {
    const wanted = box.checked;
    for (const one of boxesOf(box.closest("tbody"))) if (one.checked !== wanted) one.click();
  }
  show();
});
for (const name of ["bulk-done", "htmx:after:swap"]) document.addEventListener(name, show);
show();
