// The clips library: its dialogs.

// What was asked for in a dialog is done. A message that came instead of it stands above the dialog.
const notices = document.getElementById("notices");
document.addEventListener("bulk-done", () => document.querySelector("dialog[open]")?.close());
document.addEventListener("htmx:after:swap", () => {
  const dialog = document.querySelector("dialog[open]");
  if (!dialog || !notices.childElementCount) return;
  dialog.append(notices);
  dialog.addEventListener("close", () => document.body.append(notices), { once: true });
});

// Enter in a field of a dialog is its button, not the first button of the form, which is elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("dialog input[form]")) return;
  event.preventDefault();
  event.target.closest("dialog").querySelector("footer button:not([data-closes])").click();
});
