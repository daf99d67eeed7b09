// The script of every page: it sends the viewer's time zone, follows changes, and asks for the password when the session
// has ended. early.js is there before it.

import "./connection.js";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
document.cookie = `clipcast_zone=${zone}; path=/; max-age=31536000; samesite=lax`;

// How wide the screen is, so that the server makes the page for it. A phone that is turned may be wide.
const narrow = matchMedia("(max-width: 48rem)");
function sayWidth() { document.cookie = `clipcast_width=${narrow.matches ? "narrow" : "wide"}; path=/; max-age=31536000; samesite=lax`; }
narrow.addEventListener("change", sayWidth);
sayWidth();

// Changes on the server. Only visible pages hold a connection: browsers allow six per host.
let source;
function follow() {
  source?.close();
  source = undefined;
  const base = document.body.dataset.events;
  if (!base || document.hidden) return;
  const { posts = "", draft = "", requests = "" } = document.getElementById("live")?.dataset ?? {};
  source = new EventSource(`${base}?${new URLSearchParams({ posts, draft, ...(requests && { requests }) })}`);
  // Refresh at the beginning, too: something may have changed since the page was made.
  for (const name of ["ready", "changed"]) source.addEventListener(name, ({ data: ids }) => htmx.trigger(document.body, "refresh", { ids }));
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

// What a browser cannot read, such as a half-typed date, it sends as nothing. Where the server judges, it is no empty field.
document.addEventListener("formdata", ({ target, formData }) => {
  if (!target.noValidate) return;
  for (const control of target.elements) if (control.name && !control.disabled && control.validity?.badInput) formData.set(control.name, "?");
});

// A response without the part that the page wants, such as an error page of a proxy, takes nothing away.
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  if (ctx.select && tasks.some((task) => task.type === "main" && !task.fragment.childElementCount)) event.preventDefault();
});

// `data-once="EVENT"`: what this event loads is loaded once, and again if it has not arrived.
document.addEventListener("htmx:config:request", (event) => {
  const { sourceElement: source, sourceEvent } = event.detail.ctx;
  if (source.dataset.once === sourceEvent?.type && "loaded" in source.dataset) event.preventDefault();
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.dataset.once && ctx.response?.status < 400) ctx.sourceElement.dataset.loaded = "";
});

// What a person has opened stays open: the server, whose page a refresh brings, never says that it is.
htmx.registerExtension("keep-open", {
  htmx_before_morph_attr: (element, { attrName, newValue }) => !(attrName === "open" && newValue === null && element.matches("details, dialog")),
});

// The session has ended: the page stays unchanged, and a dialog asks for the password.
let asking = false;
document.addEventListener("sign-in-needed", async () => {
  const dialog = document.getElementById("sign-in-again");
  if (asking || dialog.open) return;
  asking = true;
  dialog.replaceChildren();
  await htmx.ajax("GET", "/sign-in/dialog", { target: "#sign-in-again" });
  asking = false;
  if (!dialog.querySelector("form")) return; // no connection: the next request asks again
  dialog.showModal();
  const email = dialog.querySelector("[name=email]");
  if (!email || email.value) return;
  email.value = document.body.dataset.email ?? "";
  if (email.value) dialog.querySelector("[name=password]").focus();
});
document.addEventListener("signed-in", () => {
  document.getElementById("sign-in-again").close();
  follow();
  htmx.trigger(document.body, "signed-in-again");
});

// A toast goes away after ten seconds, but not while it is read or holds the focus.
const TOAST = 10_000;
function fade(toast) {
  setTimeout(() => {
    if (toast.matches(":hover, :focus-within")) fade(toast);
    else toast.remove();
  }, TOAST);
}
function fadeAll() {
  for (const toast of document.querySelectorAll("#notices [data-toast]:not([data-fades])")) {
    toast.dataset.fades = "";
    fade(toast);
  }
}
document.addEventListener("htmx:after:swap", fadeAll);
fadeAll();

// The clipboard is there by https, and on 127.0.0.1. Elsewhere an older way copies, or the text is at least selected.
async function copy(button) {
  const place = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(place.textContent);
  } catch {
    getSelection().selectAllChildren(place);
    if (!document.execCommand("copy")) return sayCopy();
  }
  button.dataset.copied = "yes";
  setTimeout(() => delete button.dataset.copied, 2000);
}
function sayCopy() {
  const notice = Object.assign(document.createElement("p"), { className: "notice", textContent: "The text is selected. Press Ctrl C to copy it." });
  document.getElementById("notices").replaceChildren(notice);
}
document.addEventListener("click", (event) => {
  const dismiss = event.target.closest("[data-dismiss]");
  if (dismiss) dismiss.parentElement.remove();
  const copies = event.target.closest("[data-copy]");
  if (copies) copy(copies);
  // A menu closes when something else is clicked.
  for (const open of document.querySelectorAll("details.dropdown[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

// On a phone, tabs are one line that scrolls. Only the line moves: a page opens at its top. The open tab is in the
// middle, so that it stays whole when the font comes and widens the tabs.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const line = tab.closest(".tabs");
  const [outer, inner] = [line.getBoundingClientRect(), tab.getBoundingClientRect()];
  line.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
}

// The target of an address may be a closed part.
const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
if (target instanceof HTMLDetailsElement) target.open = true;
if (target instanceof HTMLDialogElement) target.showModal();
// An address of an item opens it beside the grid of its post.
if (target instanceof HTMLElement && target.matches("a.cell:not([aria-current])")) target.click();

// A form that comes back with problems shows the first of them, wherever on the page it is.
if ("refused" in document.body.dataset) {
  const field = document.querySelector("main [aria-invalid=true]");
  const problem = field ?? document.querySelector("main .problem[role=alert]:not([hidden])");
  problem?.scrollIntoView({ block: "center" });
  field?.focus({ preventScroll: true });
}

// Uploads that an earlier page has begun go on.
if (localStorage.getItem("clipcast-uploads") && document.getElementById("tray")) import("./upload.js");

// The parts of a phone: a browser that comes anew, an installed app, a device that wants push messages.
if (
  document.body.dataset.person &&
  (!navigator.serviceWorker?.controller || matchMedia("(display-mode: standalone)").matches || navigator.standalone || localStorage.getItem("clipcast-push"))
) import("./phone.js");

// Drafts whose last words an earlier page may not have saved. The page of a draft restores them itself.
const base = document.body.dataset.events?.replace(/\/events$/, "");
if (base && !document.getElementById("compose") && Object.keys(localStorage).some((key) => key.startsWith(`clipcast-draft ${base}/`))) {
  import("./kept.js").then(({ dropHeld }) => dropHeld(base));
}
