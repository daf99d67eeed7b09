// The four steps of the compose page on a phone. Each is an address, so that the browser's way back leads to the one before.

const form = document.getElementById("compose");
const NAMES = ["clips", "accounts", "words", "when"];
const isPhone = window.matchMedia("(max-width: 48rem)");

export function showStep(step) {
  if (!isPhone.matches || Number(form.dataset.step) === step) return;
  location.hash = `step-${step}`;
  follow(); // what the step holds is there at once, to be focused
}

// Open a sheet. The one of the time begins at the choice that holds.
export function showSheet(sheet) {
  if (sheet.open) return;
  sheet.showModal();
  sheet.querySelector("[name=when]:checked")?.focus();
}

function follow() {
  const step = Math.min(4, Math.max(1, Number(/^#step-(\d)$/.exec(location.hash)?.[1] ?? 1)));
  form.dataset.step = String(step);
  [...form.querySelectorAll(".steps li")].forEach((one, index) => {
    one.toggleAttribute("data-done", index < step);
    if (index + 1 === step) one.setAttribute("aria-current", "step");
    else one.removeAttribute("aria-current");
  });
  form.querySelector("[data-next]").textContent = NAMES[step] ?? "when";
  const sheet = document.getElementById("when");
  if (isPhone.matches && step === 4) showSheet(sheet);
  if (isPhone.matches && step < 4 && sheet.open) sheet.close();
  form.querySelector(".panes").scrollTop = 0;
}
window.addEventListener("hashchange", follow);
isPhone.addEventListener("change", follow);
document.getElementById("when").addEventListener("close", () => { if (isPhone.matches && form.dataset.step === "4") history.back(); });

form.addEventListener("click", (event) => {
  const step = Number(form.dataset.step);
  if (event.target.closest("[data-step-next]")) showStep(step + 1);
  else if (event.target.closest("[data-step-to]")) { event.preventDefault(); showStep(Number(event.target.closest("[data-step-to]").dataset.stepTo)); }
  else if (event.target.closest("[data-step-back]")) {
    if (step > 1) history.back();
    else location.assign(form.querySelector("[data-home]").href);
  }
});
follow();
