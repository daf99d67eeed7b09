// The clips library: files are chosen, or dropped anywhere on the page.

import { addAll } from "./upload.js";

const drop = document.getElementById("drop");
if (drop) {
  const files = document.getElementById("files");
  files.addEventListener("change", () => { addAll([...files.files]); files.value = ""; });
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  document.addEventListener("dragenter", (event) => { if (holdsFiles(event)) { depth += 1; drop.classList.add("over"); } });
  document.addEventListener("dragleave", (event) => { if (holdsFiles(event) && --depth <= 0) { depth = 0; drop.classList.remove("over"); } });
  document.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    depth = 0;
    drop.classList.remove("over");
    addAll([...event.dataTransfer.files]);
  });
}

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
