// What must not wait for the other scripts of a page: questions before destructive actions, dialogs, choices that send their
// form, dropped files, and one action for one press. The head loads it first, and the browser waits for it.

// `data-confirm` on a form or a button: a dialog shows the consequence, with the action as its button.
function ask(text, action, act) {
  const dialog = document.getElementById("confirm");
  if (!dialog) return document.addEventListener("DOMContentLoaded", () => ask(text, action, act), { once: true });
  dialog.querySelector("#confirm-text").textContent = text;
  dialog.querySelector("#confirm-yes").textContent = action;
  dialog.onclose = () => { if (dialog.returnValue === "yes") act(); };
  for (const button of dialog.querySelectorAll("button")) button.onclick = () => dialog.close(button.value);
  dialog.returnValue = "";
  dialog.showModal();
}
document.addEventListener("submit", (event) => {
  const text = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (!text || event.target.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const submitter = event.submitter;
  ask(text, submitter?.textContent.trim() || "Continue", () => {
    event.target.dataset.confirmed = "yes";
    event.target.requestSubmit(submitter);
    delete event.target.dataset.confirmed;
  });
}, true);

// A dialog of the page: `data-opens="ID"` opens it, `data-closes` in it closes it, and so does its form when it is sent.
document.addEventListener("click", (event) => {
  const opens = event.target.closest("[data-opens]");
  const dialog = opens && document.getElementById(opens.dataset.opens);
  if (dialog) {
    event.preventDefault(); // without a script, a link leads to a page with the same content
    if (!dialog.open) dialog.showModal();
  }
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
});
document.addEventListener("submit", (event) => {
  const dialog = event.submitter?.closest("dialog[data-closes-when-sent]");
  if (dialog) setTimeout(() => dialog.close());
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// A browser leaves the page for a file that nobody takes.
for (const name of ["dragover", "drop"]) {
  window.addEventListener(name, (event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types?.includes("Files") || event.target.closest?.("input[type=file]")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
}

// A second press on what is being sent does nothing. What was stopped, or stays on the page, can be sent again soon.
const STOPPED = 20_000;
let posted = new WeakSet(); // forms that the browser sends
let asked = new WeakMap(); // elements whose request htmx sends, with the pressed button
window.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return; // scripts and htmx send it, or it changes nothing
  if (posted.has(form)) return event.preventDefault();
  posted.add(form);
  setTimeout(() => posted.delete(form), STOPPED);
});
// htmx would keep a second press for later, as it keeps another action of the form. `hx-sync` says what else an element wants.
document.addEventListener("htmx:config:request", (event) => {
  const { sourceElement: source, sourceEvent, request } = event.detail.ctx;
  const isSame = asked.has(source) && asked.get(source) === sourceEvent?.submitter;
  if (request.method !== "GET" && !source.hasAttribute("hx-sync") && isSame) event.preventDefault();
});
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => asked.set(ctx.sourceElement, ctx.sourceEvent?.submitter));
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  // With a redirect, the browser loads the next page.
  if (ctx.hx?.redirect) setTimeout(() => asked.delete(ctx.sourceElement), STOPPED);
  else asked.delete(ctx.sourceElement);
});
window.addEventListener("pageshow", () => {
  posted = new WeakSet();
  asked = new WeakMap();
});
