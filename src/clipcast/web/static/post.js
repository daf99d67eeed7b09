// The page of a post: an update replaces what has changed only, groups of accounts fold, and on a phone the chosen item
// is a sheet.

const live = () => document.getElementById("live");
const folded = new Set();

// One request at a time: an earlier response never replaces a later one.
let last = Promise.resolve();
function load(address, push) {
  last = last.then(() => {
    const rows = [...live().querySelectorAll("tr[data-digest]")].map((row) => row.dataset.digest).join("");
    const headers = { "Clipcast-Shape": live().dataset.shape, "Clipcast-Rows": rows };
    return htmx.ajax("GET", address(), { source: live(), target: "#live", swap: "none", headers, ...push && { push: address() } });
  }).catch(() => undefined); // app.js says that there is no connection
  return last;
}

// Somebody removed the post: an open page says so, and takes nothing away that a person reads or types.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.sourceElement !== live() || ctx.response.status !== 404) return;
  document.getElementById("notices").replaceChildren(document.getElementById("gone").content.cloneNode(true));
});
document.body.addEventListener("refresh", () => load(() => live().dataset.address));
document.addEventListener("click", async (event) => {
  const link = event.target.closest("#live a[data-part]");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.button) {
    event.preventDefault();
    const [address, before] = [link.href.replace(/#.*$/, ""), live().querySelector(".cell[aria-current]")?.id];
    const [isCell, isClose] = [link.matches(".cell"), link.matches(".close")];
    live().dataset.address = address; // for the updates that follow
    await load(() => address, true);
    if (isCell && isPhone.matches) document.getElementById("panel").focus();
    if (isClose) document.getElementById(before)?.focus();
  }
  const fold = event.target.closest("[data-fold]");
  if (fold) {
    if (!folded.delete(fold.dataset.fold)) folded.add(fold.dataset.fold);
    show();
  }
});
const isPhone = window.matchMedia("(max-width: 48rem)");
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isPhone.matches && live().dataset.sheet === "open" && !document.querySelector("dialog[open]")) live().querySelector("#panel a.close")?.click();
});

// A whole new page has all groups open. On a phone, the sheet shows the item that the address names.
function show() {
  live().dataset.sheet = new URLSearchParams(location.search).has("item") ? "open" : "closed";
  for (const button of live().querySelectorAll("[data-fold]")) {
    const isFolded = folded.has(button.dataset.fold);
    button.setAttribute("aria-expanded", String(!isFolded));
    document.getElementById(button.getAttribute("aria-controls")).hidden = isFolded;
  }
}
document.addEventListener("htmx:after:swap", show);
document.addEventListener("htmx:after:history:update", show);
show();
