// The import page: a CSV is chosen, or dropped anywhere on the page, and sent as it is; dropped clips are uploaded (upload.js),
// and the rows are checked again when they are there.

import { onChosen, onDropped } from "./files.js";
import { isTemporary } from "./request.js";
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
  for (const input of document.querySelectorAll("#csv-file, #csv-clips")) onChosen(input, take);
  onDropped(document.body, "csv-over", take);
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

// A check and a creation go on without the page. When the response to the press was lost, the server says what became of it.
const LOST = "No connection. When it is back, the page shows what became of this.";
const runs = (ctx) => ctx?.sourceElement?.matches("[data-runs]");
async function showOutcome() {
  const response = await fetch(location.pathname + "/progress").catch(() => undefined);
  if (response?.status === 401) return document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
  // Also of an import that is gone.
  if (response && !isTemporary(response.status)) return location.reload();
  setTimeout(showOutcome, 2000);
}
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (runs(ctx) && ctx.text === undefined) showOutcome();
});
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (runs(ctx) && ctx.response.status > 500) showOutcome();
});
for (const form of document.querySelectorAll("[data-runs]")) form.dataset.lost = LOST;
