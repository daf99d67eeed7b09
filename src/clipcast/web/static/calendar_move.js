// The dialog of the calendar that moves an entry to another day and time, or to a free time.

const dialog = document.getElementById("move");
let move;

// Opens it for the entry whose move has this path. `by` sends a move, and returns the problem if the server refused.
export async function open(path, by) {
  move = by;
  dialog.replaceChildren();
  await htmx.ajax("GET", path, { source: dialog, target: "#move", swap: "innerHTML" });
  // A request that failed or was replaced by a later one leaves no form of this entry.
  if (dialog.querySelector("form")?.dataset.path === path && !dialog.open) dialog.showModal();
}

dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const { day, time, second } = Object.fromEntries(new FormData(form));
  await moveTo(form, { at: `${day}T${time}`, ...(second === undefined ? {} : { second: second === "on" }) });
});
dialog.addEventListener("click", (event) => {
  const free = event.target.closest("[data-instant]");
  if (free) moveTo(free.form, { instant: free.dataset.instant });
});
async function moveTo(form, body) {
  const problem = await move(form.dataset.path, { ...body, version: Number(form.dataset.version) });
  if (!problem) return dialog.close();
  const place = form.querySelector(".problem");
  place.textContent = problem.detail;
  place.hidden = false;
  form.querySelector(".twice").hidden = problem.code !== "occurs_twice";
}
// Another day or time may occur once.
dialog.addEventListener("input", (event) => {
  if (event.target.name !== "day" && event.target.name !== "time") return;
  const twice = dialog.querySelector(".twice");
  twice.hidden = true;
  for (const choice of twice.querySelectorAll("input")) choice.checked = false;
});
