// A lost connection: a bar on top of the page, or of its open dialog. It takes room of its own and covers no button.
// What the page loads or saves by itself, it tries again. What a person has pressed is never done later: who has gone on would
// not know of it. Its bar stays until they press again.

const WAITS = "No connection. The page goes on when it is back.";
const BROKE = "The connection broke. It may be done or not: look before you press again.";
const EVERY = 5000;
const bar = () => document.getElementById("no-connection");
// The requests to try again, by their elements.
const waiting = new Map();
let timer;

function show(text, back) {
  const shown = bar() ?? Object.assign(document.createElement("p"), { id: "no-connection" });
  shown.setAttribute("role", "alert");
  if (back) shown.dataset.back = back;
  const words = back || !shown.dataset.back ? text : shown.textContent;
  if (shown.textContent !== words) shown.textContent = words;
  put(shown);
}
function put(shown) {
  const place = [...document.querySelectorAll("main dialog[open]")].at(-1) ?? document.querySelector("main") ?? document.body;
  if (shown && shown.parentElement !== place) place.prepend(shown);
}
// A dialog that opens or closes takes the bar or gives it back.
new MutationObserver(() => put(bar())).observe(document.body, { subtree: true, attributeFilter: ["open"] });
function hide() {
  const shown = bar();
  if (!shown?.dataset.back) shown?.remove();
  else if (shown.textContent !== shown.dataset.back) shown.textContent = shown.dataset.back;
}
export const showLost = (text = WAITS) => show(text);

function showPress(source, isOffline) {
  const what = source.dataset.undone ?? source.querySelector("[data-undone]")?.dataset.undone ?? "Not done";
  const broke = source.dataset.lost ?? BROKE;
  if (isOffline) show(`${what}: no connection. Press again when it is back.`, `${what}: the connection was lost. It is back: press again.`);
  else show(broke, broke);
}

const isPress = ({ request, sourceEvent }) => request.method !== "GET" && ["click", "submit"].includes(sourceEvent?.type);
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  ctx.isOffline = !navigator.onLine;
  if (isPress(ctx)) bar()?.remove();
});
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  // htmx shows the server's message. A response that broke off has none.
  if (!ctx || ctx.text !== undefined) return;
  const { sourceElement: source } = ctx;
  if (isPress(ctx)) return showPress(source, ctx.isOffline);
  show(source.dataset.waits ?? WAITS);
  if (source.getAttribute("hx-trigger")?.includes("online")) return; // it does so itself
  waiting.set(source, ctx);
  clearTimeout(timer);
  timer = setTimeout(again, EVERY);
});
function again() {
  for (const [source, { request, sourceEvent: event, target }] of [...waiting]) {
    waiting.delete(source);
    const path = source.getAttribute(request.method === "GET" ? "hx-get" : "hx-post");
    if (source.isConnected && path) htmx.ajax(request.method, path, { source, event, target });
  }
}

// A form that the browser would send leads away from the page, and without a connection to nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (navigator.onLine || event.defaultPrevented || form.method !== "post") return;
  event.preventDefault();
  showPress(form, true);
});

window.addEventListener("online", () => { hide(); again(); });
for (const name of ["htmx:after:swap", "htmx:response:error"]) document.addEventListener(name, hide);
