// Files of clips are chosen, or dropped anywhere on the page.

import { onChosen, onDropped } from "./files.js";
import { addAll } from "./upload.js";

const drop = document.getElementById("drop");
if (drop && "caches" in window && new URLSearchParams(location.search).has("shared")) import("./shared.js");
if (drop) {
  onChosen(document.getElementById("files"), addAll);
  onDropped(drop, "over", addAll);
}
