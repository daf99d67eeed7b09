// The script of every page: it sends the viewer's time zone, follows changes, confirms destructive actions, and asks for
// the password when the session has ended.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
document.cookie = `clipcast_zone=${zone}; path=/; max-age=31536000; samesite=lax`;

// Changes on the server. Only visible pages hold a connection: browsers allow six per host.
let source;
function follow() {
  source?.close();
  source = undefined;
  const base = document.body.dataset.events;
  if (!base || document.hidden) return;
  const posts = document.getElementById("live")?.dataset.posts ?? "";
  source = new EventSource(`${base}?posts=${encodeURIComponent(posts)}`);
  // Refresh at the beginning, too: something may have changed since the page was made.
  for (const name of ["ready", "changed"]) source.addEventListener(name, () => htmx.trigger(document.body, "refresh"));
}
document.addEventListener("visibilitychange", () => {
  follow();
});
let followed = document.getElementById("live")?.dataset.posts;
document.addEventListener("htmx:after:swap", () => {
  const posts = document.getElementById("live")?.dataset.posts;
  if (posts !== followed) {
    followed = posts;
    follow();
  }
});
// A page must not hold a connection while the browser leaves it.
window.addEventListener("pagehide", () => source?.close());
window.addEventListener("pageshow", follow);

// `data-confirm` on a form or a button: a dialog shows the consequence, with the action as its button.
function ask(text, action, act) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("#confirm-text").textContent = text;
  dialog.querySelector("#confirm-yes").textContent = action;
  dialog.onclose = () => { if (dialog.returnValue === "yes") act(); };
  for (const button of dialog.querySelectorAll("button")) button.onclick = () => dialog.close(button.value);
  dialog.returnValue = "";
  dialog.showModal();
}
document.addEventListener("submit", (event) => {
  const text = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (!text || event.target.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const submitter = event.submitter;
  ask(text, submitter?.textContent.trim() || "Continue", () => {
    event.target.dataset.confirmed = "yes";
    event.target.requestSubmit(submitter);
    delete event.target.dataset.confirmed;
  });
}, true);

// The session has ended: the page stays unchanged, and a dialog asks for the password.
document.addEventListener("sign-in-needed", async () => {
  const dialog = document.getElementById("sign-in-again");
  if (dialog.open) return;
  dialog.showModal();
  await htmx.ajax("GET", "/sign-in/dialog", { target: "#sign-in-again" });
});
document.addEventListener("signed-in", () => {
  document.getElementById("sign-in-again").close();
  follow();
  htmx.trigger(document.body, "signed-in-again");
});

// A dialog of the page: `data-opens="ID"` opens it, `data-closes` in it closes it, and so does its form when it is sent.
document.addEventListener("click", (event) => {
  const opens = event.target.closest("[data-opens]");
  if (opens) {
    event.preventDefault(); // without a script, a link leads to a page with the same content
    document.getElementById(opens.dataset.opens).showModal();
  }
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
});
document.addEventListener("submit", (event) => {
  const dialog = event.submitter?.closest("dialog[data-closes-when-sent]");
  if (dialog) setTimeout(() => dialog.close());
});

// A toast goes away after ten seconds, but not while it is read or holds the focus.
const TOAST = 10_000;
function fade(toast) {
  setTimeout(() => {
    if (toast.matches(":hover, :focus-within")) fade(toast);
    else toast.remove();
  }, TOAST);
}
document.addEventListener("htmx:after:swap", () => {
  for (const toast of document.querySelectorAll("#notices [data-toast]:not([data-fades])")) {
    toast.dataset.fades = "";
    fade(toast);
  }
});

document.addEventListener("click", async (event) => {
  const dismiss = event.target.closest("[data-dismiss]");
  if (dismiss) dismiss.parentElement.remove();
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent);
    copy.dataset.copied = "yes";
    setTimeout(() => delete copy.dataset.copied, 2000);
  }
  // A menu closes when something else is clicked.
  for (const open of document.querySelectorAll("details.dropdown[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// The target of an address may be a closed part.
const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
if (target instanceof HTMLDetailsElement) target.open = true;
if (target instanceof HTMLDialogElement) target.showModal();
// An address of an item opens it beside the grid of its post.
if (target instanceof HTMLElement && target.matches("a.cell:not([aria-current])")) target.click();

document.addEventListener("htmx:error", (event) => {
  if (event.detail.ctx?.response) return; // htmx shows the server's message
  const notice = document.createElement("p");
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  notice.textContent = "No connection. The page keeps what you typed and sends it when the connection is back.";
  document.getElementById("notices").replaceChildren(notice);
});

// Uploads that an earlier page has begun go on.
if (localStorage.getItem("clipcast-uploads") && document.getElementById("tray")) import("./upload.js");
