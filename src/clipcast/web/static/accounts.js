// The accounts page: groups of clients fold, and a box chooses its whole group. lists.js does the rest of choosing.

const KEPT = "clipcast-folded-accounts";
const folded = new Set(JSON.parse(sessionStorage.getItem(KEPT) ?? "[]"));
const boxesOf = (group) => [...group.querySelectorAll("input[name=chosen]")];

function show() {
  for (const button of document.querySelectorAll("[data-fold]")) {
    const isFolded = folded.has(button.dataset.fold);
    button.setAttribute("aria-expanded", String(!isFolded));
    button.closest("tbody").classList.toggle("folded", isFolded);
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
  const key = button.dataset.fold;
  if (!folded.delete(key)) folded.add(key);
  sessionStorage.setItem(KEPT, JSON.stringify([...folded]));
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
