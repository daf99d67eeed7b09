// Uploading clips in pieces (tus): a lost connection goes on where it stopped, and so does the same file when it is
// chosen again after the page was closed.

const drop = document.getElementById("drop");
const list = document.getElementById("uploads");
const KEPT = "clipcast-uploads";
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

function kept() { return JSON.parse(localStorage.getItem(KEPT) ?? "{}"); }
function keep(name, value) {
  const all = kept();
  if (value) all[name] = value;
  else delete all[name];
  localStorage.setItem(KEPT, JSON.stringify(all));
}

async function call(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (answer.status === 401) document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.errors?.map((one) => one.message).join(" ") || told.detail || `The server answered ${answer.status}.`);
  return told;
}

function row(file) {
  const item = document.createElement("li");
  item.innerHTML = '<div><span class="name"></span> <small class="said"></small><progress max="100" value="0"></progress></div>';
  item.querySelector(".name").textContent = file.name;
  item.querySelector("progress").setAttribute("aria-label", file.name);
  list.append(item);
  const said = item.querySelector(".said");
  return {
    progress(sent) { item.querySelector("progress").value = file.size ? (100 * sent) / file.size : 100; },
    say(text, bad = false) { said.textContent = text; said.classList.toggle("problem", bad); },
    done(path) { item.querySelector("progress").remove(); said.innerHTML = '<a>Uploaded: look at it</a>'; said.firstChild.href = path; },
  };
}

async function upload(file) {
  const shown = row(file);
  const name = `${drop.dataset.uploads}/${file.name}/${file.size}/${file.lastModified}`;
  try {
    if (file.size > Number(drop.dataset.most)) throw new Error(`It has ${file.size} bytes; at most ${drop.dataset.most} are allowed.`);
    let started = kept()[name];
    if (!started) {
      started = await call(drop.dataset.uploads, { file_name: file.name, file_size: file.size });
      keep(name, started);
    }
    await send(file, started.upload_url, shown);
    shown.say("Looking into it …");
    const done = await call(`${drop.dataset.uploads}/complete`, { video_id: started.video_id, file_name: file.name });
    keep(name);
    shown.done(done.path);
  } catch (error) {
    if (!error.passing) keep(name);
    shown.say(error.message, true);
  }
}

function send(file, address, shown) {
  return new Promise((resolve, reject) => {
    const sending = new tus.Upload(file, {
      uploadUrl: address,
      chunkSize: PIECE,
      storeFingerprintForResuming: false,
      retryDelays: [0, 500, 1000, 2000, 4000, 8000, 15000, 30000, 60000, 60000, 60000],
      onProgress: (sent) => { shown.progress(sent); shown.say(`${Math.floor((100 * sent) / file.size)} %`); },
      onShouldRetry(error) {
        const status = error.originalResponse?.getStatus() ?? 0;
        if (status === 0) shown.say("The connection was lost; it goes on by itself.");
        return status === 0 || status === 409 || status === 423 || status >= 500;
      },
      onSuccess: () => resolve(),
      onError(error) {
        const status = error.originalResponse?.getStatus() ?? 0;
        let told = "The upload stopped. Choose the same file again to go on.";
        try { told = JSON.parse(error.originalResponse.getBody()).detail; } catch { /* no answer */ }
        reject(Object.assign(new Error(told), { passing: status === 0 || status >= 500 }));
      },
    });
    sending.start();
  });
}
