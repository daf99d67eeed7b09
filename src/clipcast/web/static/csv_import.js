// The import page: a CSV is chosen, or dropped anywhere on the page, and sent as it is; dropped clips are uploaded (upload.js),
// and the rows are checked again when they are there.

import { addAll } from "./upload.js";

const place = document.getElementById("csv-drop");
const isCsv = (file) => /\.(csv|tsv|txt)$/i.test(file.name) || /^text\//.test(file.type);

function say(text) {
  const notice = document.createElement("p");
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  document.getElementById("notices").replaceChildren(notice);
}

// A session that has ended asks for the password above the page; the file is sent after that. So is one that met no server.
let waiting;
async function send(file) {
  waiting = undefined;
  if (file.size > Number(place.dataset.most)) return say(`The file is too large: ${file.size} bytes, maximum ${place.dataset.most}. Divide it.`);
  place.setAttribute("aria-busy", "true");
  try {
    const to = `${place.dataset.replace ?? place.dataset.import}?name=${encodeURIComponent(file.name)}`;
    const response = await fetch(to, { method: "POST", headers: { "Content-Type": "text/csv", "HX-Request": "true" }, body: file });
    const next = response.headers.get("HX-Redirect");
    if (next) return location.assign(next);
    if (response.status === 401) {
      waiting = file;
      return document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    say(page.querySelector(".notice")?.textContent.trim() || `The server returned ${response.status}. Try again.`);
  } catch {
    waiting = file;
    say("No connection. The file is sent when the connection is back.");
  } finally {
    place.removeAttribute("aria-busy");
  }
}
document.body.addEventListener("signed-in-again", () => waiting && send(waiting));
window.addEventListener("online", () => waiting && send(waiting));

function take(files) {
  const csvs = files.filter(isCsv);
  const clips = files.filter((file) => !isCsv(file));
  if (clips.length) addAll(clips);
  if (csvs.length > 1) say("One CSV at a time.");
  else if (csvs.length) send(csvs[0]);
}

if (place) {
  for (const input of document.querySelectorAll("#csv-file, #csv-clips")) {
    input.addEventListener("change", () => { take([...input.files]); input.value = ""; });
  }
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  document.addEventListener("dragenter", (event) => { if (holdsFiles(event)) { depth += 1; document.body.classList.add("csv-over"); } });
  document.addEventListener("dragleave", (event) => { if (holdsFiles(event) && --depth <= 0) { depth = 0; document.body.classList.remove("csv-over"); } });
  document.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("csv-over");
    take([...event.dataTransfer.files]);
  });
}

// When no upload goes on and one has ended, the library has more of the files.
const tray = document.getElementById("tray-title");
const again = document.getElementById("check-again");
if (tray && again && document.querySelector("[data-missing]")) {
  new MutationObserver(() => {
    const done = /^([1-9]\d*) of \1 uploaded$/.test(tray.textContent);
    if (done) again.requestSubmit();
  }).observe(tray, { childList: true });
}

// A check and a creation show how far they are.
const progress = document.getElementById("csv-now");
document.addEventListener("submit", (event) => {
  if (progress && event.target.matches("#check-again, #create") && !event.defaultPrevented) {
    setTimeout(() => htmx.ajax("GET", progress.dataset.progress, { target: "#csv-now", swap: "innerHTML" }), 400);
  }
});
