// Uploads of clips in pieces (tus). An upload continues after a lost connection, and after the page was closed when the
// same file is chosen again.

import { call } from "./request.js";

const drop = document.getElementById("drop");
const list = document.getElementById("uploads");
const STARTED = "clipcast-uploads";
const PIECE = 16 * 1024 * 1024;

if (drop) {
  const files = document.getElementById("files");
  files.addEventListener("change", () => { [...files.files].forEach(upload); files.value = ""; });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    [...event.dataTransfer.files].forEach(upload);
  });
}

function startedUploads() { return JSON.parse(localStorage.getItem(STARTED) ?? "{}"); }
function remember(name, value) {
  const all = startedUploads();
  if (value) all[name] = value;
  else delete all[name];
  localStorage.setItem(STARTED, JSON.stringify(all));
}

function row(file) {
  const item = document.createElement("li");
  item.innerHTML = '<div><span class="name"></span> <small class="message"></small><progress max="100" value="0"></progress></div>';
  item.querySelector(".name").textContent = file.name;
  item.querySelector("progress").setAttribute("aria-label", file.name);
  list.append(item);
  const message = item.querySelector(".message");
  return {
    item,
    progress(sent) { item.querySelector("progress").value = file.size ? (100 * sent) / file.size : 100; },
    show(text, bad = false) { message.textContent = text; message.classList.toggle("problem", bad); },
    done(path) { item.querySelector("progress").remove(); message.innerHTML = '<a>Uploaded: open clip</a>'; message.firstChild.href = path; },
  };
}

async function upload(file) {
  const shown = row(file);
  const name = `${drop.dataset.uploads}/${file.name}/${file.size}/${file.lastModified}`;
  try {
    if (file.size > Number(drop.dataset.most)) throw new Error(`The file is too large: ${file.size} bytes, maximum ${drop.dataset.most}. Choose a smaller one.`);
    let started = startedUploads()[name];
    if (!started) {
      started = await call(drop.dataset.uploads, { file_name: file.name, file_size: file.size });
      remember(name, started);
    }
    await send(file, started.upload_url, shown);
    shown.show("Checking the file …");
    const done = await call(`${drop.dataset.uploads}/complete`, { video_id: started.video_id, file_name: file.name });
    remember(name);
    shown.done(done.path);
    drop.dispatchEvent(new CustomEvent("uploaded", { detail: { ...done, row: shown.item } }));
  } catch (error) {
    if (!error.isTemporary) remember(name);
    shown.show(error.message, true);
  }
}

function send(file, address, shown) {
  return new Promise((resolve, reject) => {
    const sending = new tus.Upload(file, {
      uploadUrl: address,
      chunkSize: PIECE,
      storeFingerprintForResuming: false,
      retryDelays: [0, 500, 1000, 2000, 4000, 8000, 15000, 30000, 60000, 60000, 60000],
      onProgress: (sent) => { shown.progress(sent); shown.show(`${Math.floor((100 * sent) / file.size)} %`); },
      onShouldRetry(error) {
        const status = error.originalResponse?.getStatus() ?? 0;
        if (status === 0) shown.show("No connection. The upload continues when it is back.");
        return status === 0 || status === 409 || status === 423 || status >= 500;
      },
      onSuccess: () => resolve(),
      onError(error) {
        const status = error.originalResponse?.getStatus() ?? 0;
        let detail = "The upload stopped. Choose the same file again to continue.";
        try { detail = JSON.parse(error.originalResponse.getBody()).detail; } catch { /* no response */ }
        reject(Object.assign(new Error(detail), { isTemporary: status === 0 || status >= 500 }));
      },
    });
    sending.start();
  });
}
