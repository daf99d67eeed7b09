// The form of an edit, on the page of a clip and on that of a template: its parts, its captions and its files.

import { onChosen } from "./files.js";
import { call } from "./request.js";
import { readSeconds, showSeconds } from "./times.js";

export const form = document.getElementById("edit");
export const field = (name) => form.elements.namedItem(name);
export const value = (name) => field(name)?.value ?? "";
export const number = (name) => (value(name).trim() ? Number(value(name).replace(",", ".")) : null);
export const seconds = (name) => readSeconds(value(name));
export const ticked = (name) => Boolean(field(name)?.checked);

// Set a field as a person would, so that the server checks it and the preview follows.
export function set(name, text, kind = "change") {
  const input = field(name);
  if (input.value === text && kind === "input") return;
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  if (kind === "change") input.dispatchEvent(new Event("change", { bubbles: true }));
}

// A part with `data-when` is shown while that field has one of the values of `data-is`.
function showParts() {
  for (const part of form.querySelectorAll("[data-when]")) part.hidden = !part.dataset.is.split(" ").includes(value(part.dataset.when));
  const shape = document.getElementById("shape-details");
  if (shape) shape.hidden = value("aspect_ratio") === "source";
  const watermark = document.getElementById("watermark-details");
  if (watermark) watermark.hidden = !value("watermark.asset_id");
}
form.addEventListener("input", showParts);
form.addEventListener("change", showParts);
showParts();

// Problems come as a list; each is shown beside its field, too.
export function placeProblems() {
  const found = new Map();
  for (const one of document.querySelectorAll("#checks [data-problem]")) found.set(one.dataset.problem, one.textContent);
  for (const place of form.querySelectorAll("[data-problem-of]")) {
    const name = place.dataset.problemOf;
    place.textContent = found.get(name) ?? "";
    const input = document.getElementById(name);
    if (found.has(name)) input?.setAttribute("aria-invalid", "true");
    else input?.removeAttribute("aria-invalid");
  }
}

// The tags that the server takes out of captions (renders/captions.py).
const TAG = /<\/?(?:i|b|u|s|c|v|lang|ruby|rt|font)(?:[.\s][^<>]*)?>|<[\d:.]{1,20}>|\{\\[^{}]*\}/gi;

// The captions of the table or of a file, for the preview.
let fileCues = { id: "", cues: [] };
export function cues() {
  if (value("captions.from") === "file") return fileCues.id === value("captions.asset_id") ? fileCues.cues : [];
  if (value("captions.from") !== "typed") return [];
  return [...form.querySelectorAll(".cues tbody tr")].map((row) => {
    const [start, end, text] = ["cue.start", "cue.end", "cue.text"].map((name) => row.querySelector(`[name="${name}"]`).value);
    return { start: readSeconds(start), end: readSeconds(end), text: text.replace(TAG, "") };
  });
}
async function loadCues() {
  const id = value("captions.asset_id");
  if (value("captions.from") !== "file" || !id || fileCues.id === id) return;
  const base = form.querySelector("[data-uploads]").dataset.uploads.replace("/uploads", "");
  const response = await fetch(`${base}/${id}/cues`).catch(() => undefined);
  const found = response?.ok ? await response.json().catch(() => []) : [];
  if (id !== value("captions.asset_id")) return; // another file was chosen meanwhile
  fileCues = { id, cues: found };
  form.dispatchEvent(new Event("preview"));
}
form.addEventListener("change", loadCues);
loadCues();

// A new row begins at `from` seconds of the new clip.
export function addCue(from) {
  const rows = form.querySelector(".cues tbody");
  const last = rows.lastElementChild;
  const isEmpty = [...last.querySelectorAll("[name]")].every((one) => !one.value);
  const row = isEmpty ? last : last.cloneNode(true);
  for (const one of row.querySelectorAll("[name]")) one.value = "";
  row.querySelector('[name="cue.start"]').value = showSeconds(from);
  row.querySelector('[name="cue.end"]').value = showSeconds(from + 2);
  if (!isEmpty) rows.append(row);
  row.querySelector("textarea").focus();
}
form.addEventListener("click", (event) => {
  const remove = event.target.closest("[data-remove-cue]");
  if (!remove) return;
  const row = remove.closest("tr");
  if (row.parentElement.rows.length > 1) row.remove();
  else for (const one of row.querySelectorAll("[name]")) one.value = "";
  document.getElementById("add-cue").focus();
  form.dispatchEvent(new Event("change", { bubbles: true }));
});

document.getElementById("default-look").addEventListener("click", ({ currentTarget: { dataset } }) => {
  for (const [name, text] of Object.entries(JSON.parse(dataset.values))) {
    const input = field(name);
    if (input.type === "checkbox") input.checked = text === "on";
    else input.value = text;
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
});

// Files for edits: choosing one uploads it and selects it, unless a later one was chosen meanwhile.
const latest = new Map();
function say(input, text, bad = false) {
  const place = input.parentElement.querySelector("[data-upload-says]");
  place.textContent = text;
  place.classList.toggle("problem", bad);
}
async function send(input, file) {
  const isLatest = () => latest.get(input) === file;
  latest.set(input, file);
  say(input, `Uploading ${file.name} …`);
  let problem = "";
  try {
    if (!file.size) throw new Error(`${file.name} is empty. Choose the file again.`);
    const started = await call(input.dataset.uploads, { file_name: file.name, file_size: file.size });
    const put = await fetch(started.upload_url, { method: "PUT", body: file });
    if (!put.ok) throw new Error((await put.json().catch(() => ({}))).detail ?? `The server returned ${put.status}. Try again.`);
    const done = await call(`${input.dataset.uploads}/complete`, { asset_id: started.asset_id });
    field(input.dataset.into).add(new Option(done.file_name, done.asset_id));
    if (isLatest()) set(input.dataset.into, done.asset_id);
  } catch (error) {
    problem = error.message;
  }
  if (!isLatest()) return;
  latest.delete(input);
  say(input, problem && waiting ? `${problem} Nothing was saved.` : problem, true);
  if (problem || !latest.size) goOn(!problem);
}

// What is saved meanwhile waits for its files.
let waiting;
form.addEventListener("submit", (event) => {
  if (!latest.size) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  waiting = event.submitter;
  waiting.setAttribute("aria-busy", "true");
  for (const [input, file] of latest) say(input, `Uploading ${file.name} … It is saved after that.`);
}, true);
function goOn(isWhole) {
  const button = waiting;
  waiting = undefined;
  button?.removeAttribute("aria-busy");
  if (button && isWhole) form.requestSubmit(button);
}
for (const input of form.querySelectorAll("[data-uploads]")) onChosen(input, ([file]) => send(input, file));
