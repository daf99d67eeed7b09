// Files of clips are chosen, or dropped anywhere on the page.

import { addAll } from "./upload.js";

const drop = document.getElementById("drop");
if (drop && "caches" in window && new URLSearchParams(location.search).has("shared")) import("./shared.js");
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
