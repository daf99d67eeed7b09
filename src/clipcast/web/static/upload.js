// Uploads of clips in pieces (tus), in a tray that stays while one moves through the app. The browser keeps the files of
// unfinished uploads (IndexedDB), so the next page continues them, after a lost connection or a closed page as well.

import { call, isTemporary } from "./request.js";

const tray = document.getElementById("tray");
const list = document.getElementById("uploads");
const title = document.getElementById("tray-title");
const PIECE = 16 * 1024 * 1024;
const AT_ONCE = 2;
// Pages load this script if it is set: an upload is unfinished.
const OPEN = "clipcast-uploads";
// A file that this browser gave up on after this time is forgotten.
const KEPT = 7 * 24 * 3600 * 1000;

const uploads = new Map();
let sending = 0;

// --- The browser's store. Without it (a private window, a full disk), uploads end with the page.

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("clipcast", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("uploads", { keyPath: "id" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
async function stored(mode, act) {
  try {
    const database = await open();
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction("uploads", mode);
      const asked = act(transaction.objectStore("uploads"));
      transaction.oncomplete = () => { database.close(); resolve(asked.result ?? true); };
      transaction.onerror = transaction.onabort = () => { database.close(); reject(transaction.error); };
    });
  } catch {
    return undefined;
  }
}
const STORED = ["id", "file", "name", "size", "modified", "to", "folder", "from", "started", "at"];
async function save(one) {
  one.kept = Boolean(await stored("readwrite", (store) => store.put(Object.fromEntries(STORED.map((name) => [name, one[name]])))));
  localStorage.setItem(OPEN, "yes");
}
async function forget(one) {
  await stored("readwrite", (store) => store.delete(one.id));
  if (![...uploads.values()].some((other) => !other.ended)) localStorage.removeItem(OPEN);
}

// --- The tray

function row(one) {
  const item = document.createElement("li");
  item.innerHTML = '<div><span class="name" dir="auto"></span> <small class="message"></small><progress max="100" value="0"></progress></div><button type="button" class="plain"></button>';
  item.querySelector(".name").textContent = one.name;
  item.querySelector("progress").setAttribute("aria-label", one.name);
  const button = item.querySelector("button");
  button.append(tray.querySelector("[data-close-icon]").content.cloneNode(true));
  button.setAttribute("aria-label", `Cancel ${one.name}`);
  button.addEventListener("click", () => cancel(one));
  list.append(item);
  one.row = item;
}
function say(one, text, bad = false) {
  const message = one.row.querySelector(".message");
  message.textContent = text;
  message.classList.toggle("problem", bad);
}
function megabytes(bytes) { return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`; }
function progress(one, sent) {
  one.row.querySelector("progress").value = one.size ? (100 * sent) / one.size : 100;
  one.since ??= { at: performance.now(), sent };
  const seconds = (performance.now() - one.since.at) / 1000;
  const left = seconds > 2 && sent > one.since.sent ? Math.ceil(((one.size - sent) * seconds) / (sent - one.since.sent)) : 0;
  say(one, `${megabytes(sent)} of ${megabytes(one.size)}${left ? `, ${left < 90 ? `${left} s` : `${Math.round(left / 60)} min`} left` : ""}`);
}
function count() {
  const all = [...uploads.values()];
  const done = all.filter((one) => one.path).length;
  const failed = all.filter((one) => one.ended && !one.path).length;
  tray.hidden = all.length === 0;
  const busy = all.length > done + failed;
  const words = busy ? `Uploading ${done + failed + 1} of ${all.length}` : `${done} of ${all.length} uploaded`;
  // Only what changes is announced.
  if (title.textContent !== words) title.textContent = words;
  tray.querySelector("[data-close-tray]").hidden = busy;
}
async function end(one, text, bad) {
  one.ended = true;
  one.row.querySelector("progress").remove();
  one.row.querySelector("button").setAttribute("aria-label", `Remove ${one.name} from this list`);
  say(one, text, bad);
  count();
  await forget(one);
}
function remove(one) {
  uploads.delete(one.id);
  one.row.remove();
  count();
}
function cancel(one) {
  if (!one.ended) {
    one.ended = true;
    one.tus?.abort();
    one.stop?.();
    forget(one);
  }
  remove(one);
}

// --- Sending

async function run(one) {
  if (one.ended || one.running) return;
  one.running = true;
  sending += 1;
  // Another page of the app in this browser may send the same file.
  const alone = navigator.locks ? (act) => navigator.locks.request(`clipcast-upload-${one.id}`, act) : (act) => act();
  await alone(() => send(one).catch((error) => failed(one, error)));
  one.running = false;
  sending -= 1;
  next();
}
async function failed(one, error) {
  if (one.ended) return forget(one); // cancelled
  if (!error.isTemporary) return end(one, error.message, true);
  say(one, error.message, true);
  retryLater(one);
}
function next() {
  for (const one of uploads.values()) {
    if (sending >= AT_ONCE) return;
    if (!one.ended && !one.running && !one.waits) run(one);
  }
}
function retryLater(one) {
  one.waits = true;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small secondary";
  button.textContent = "Try again";
  button.onclick = () => again(one);
  one.row.querySelector("div").append(button);
}
function again(one) {
  one.waits = false;
  one.row.querySelector("div > button")?.remove();
  next();
}
for (const name of ["online", "signed-in-again"]) {
  (name === "online" ? window : document.body).addEventListener(name, () => [...uploads.values()].filter((one) => one.waits).forEach(again));
}

async function send(one) {
  const known = one.kept && (await stored("readonly", (store) => store.get(one.id)));
  if (known === true) return remove(one); // another page sent it
  if (known) one.started = known.started; // another page may have begun it
  await loadTus();
  if (!one.started) await begin(one);
  let done;
  try {
    await pieces(one);
  } catch (error) {
    if (!error.isOver || one.ended) throw error;
    // The file is there if only the response to its last piece, or to the check, was lost.
    done = await complete(one).catch((missing) => { if (![404, 409].includes(missing.status)) throw missing; });
    if (!done && !one.ended) {
      await begin(one);
      await pieces(one);
    }
  }
  if (one.ended) return forget(one);
  say(one, "Checking the file …");
  done ??= await complete(one);
  if (one.ended) return forget(one);
  one.path = done.path;
  await end(one, "");
  const link = document.createElement("a");
  link.href = done.path;
  link.textContent = "Uploaded: open clip";
  one.row.querySelector(".message").replaceChildren(link);
  globalThis.htmx?.trigger(document.body, "refresh");
  if (one.from === location.pathname) handOver({ ...done, close: () => remove(one) });
}
const complete = (one) => call(`${one.to}/complete?folder=${one.folder}`, { video_id: one.started.video_id, file_name: one.name });
async function begin(one) {
  const started = await call(one.to, { file_name: one.name, file_size: one.size });
  if (one.ended) throw new Error("Cancelled"); // nothing keeps what was cancelled meanwhile
  one.started = started;
  await save(one);
}

// A page may take the clips whose files it was given, also those that were ready before it listened.
let take;
const ready = [];
function handOver(clip) {
  if (take) take(clip);
  else ready.push(clip);
}
export function onUploaded(taker) {
  take = taker;
  ready.splice(0).forEach(taker);
}

function pieces(one) {
  return new Promise((resolve, reject) => {
    if (one.ended) return resolve();
    one.stop = resolve;
    one.tus = new tus.Upload(one.file, {
      uploadUrl: one.started.upload_url,
      chunkSize: PIECE,
      storeFingerprintForResuming: false,
      retryDelays: [0, 500, 1000, 2000, 4000, 8000, 15000, 30000, 60000, 60000, 60000],
      onProgress: (sent) => progress(one, sent),
      onShouldRetry(error) {
        const status = error.originalResponse?.getStatus() ?? 0;
        if (status === 0) say(one, "No connection. The upload continues when it is back.");
        return status === 0 || status === 409 || status === 423 || status >= 500;
      },
      onSuccess: () => resolve(),
      onError(error) {
        const status = error.originalResponse?.getStatus() ?? 0;
        let detail = "The upload stopped. It continues when you try again.";
        try { detail = JSON.parse(error.originalResponse.getBody()).detail; } catch { /* no response */ }
        // An address ends some hours after its last bytes. The file is then sent to a new one.
        const isOver = [403, 404, 410].includes(status);
        reject(Object.assign(new Error(detail), { isOver, isTemporary: [0, 409, 423].includes(status) || isTemporary(status) }));
      },
    });
    one.tus.start();
  });
}

let loading;
function loadTus() {
  if (globalThis.tus) return Promise.resolve();
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = tray.dataset.tus;
    script.onload = resolve;
    script.onerror = () => { loading = undefined; reject(Object.assign(new Error("No connection. The upload continues when it is back."), { isTemporary: true })); };
    document.head.append(script);
  });
  return loading;
}

// --- Choosing files

let number = 0;
async function add(file) {
  const to = tray.dataset.uploads;
  const same = [...uploads.values()].find((one) => !one.ended && one.to === to && one.name === file.name && one.size === file.size && one.modified === file.lastModified);
  if (same) return again(same);
  number += 1;
  const one = {
    id: `${Date.now()}-${number}-${Math.random()}`, file, name: file.name, size: file.size, modified: file.lastModified,
    to, folder: document.getElementById("drop")?.dataset.folder ?? "", from: location.pathname, at: Date.now(),
  };
  uploads.set(one.id, one);
  row(one);
  if (!file.size) return end(one, `${file.name} is empty. Choose the file again.`, true);
  if (file.size > Number(tray.dataset.most)) {
    return end(one, `The file is too large: ${file.size} bytes, maximum ${tray.dataset.most}. Choose a smaller one.`, true);
  }
  count();
  await save(one);
  if (one.ended) return forget(one);
  next();
}

export async function addAll(files) {
  await resumed; // the same file may be among the unfinished ones
  for (const file of files) await add(file);
}

tray.querySelector("[data-close-tray]").addEventListener("click", () => {
  for (const one of [...uploads.values()]) if (one.ended) remove(one);
});
window.addEventListener("beforeunload", (event) => {
  if ([...uploads.values()].some((one) => !one.ended && !one.kept)) event.preventDefault();
});

// What an earlier page began.
async function resume() {
  for (const one of (await stored("readonly", (store) => store.getAll())) || []) {
    if (Date.now() - one.at > KEPT) {
      await forget(one);
      continue;
    }
    one.kept = true;
    uploads.set(one.id, one);
    row(one);
    say(one, "Waiting …");
  }
  if (uploads.size) count();
  else localStorage.removeItem(OPEN);
  next();
}
// No top-level await: pages that import this would listen to nobody until the browser's store has answered.
const resumed = resume();
