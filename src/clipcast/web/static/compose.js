// The server's response to each change is the whole compose page. A response that arrives after further typing is out of
// date: it must not undo the typing. The response to the newer change follows.

const form = () => document.getElementById("compose");
const parts = () => form().querySelectorAll("details[id]");
let edits = 0;
let folds = new Map();
for (const kind of ["input", "change"]) {
  // In the capture phase, before htmx sends the form.
  document.addEventListener(kind, (event) => { if (form().contains(event.target)) edits += 1; }, true);
}
document.addEventListener("htmx:config:request", (event) => { event.detail.ctx.edits = edits; });
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (ctx.target?.id === "compose" && ctx.edits !== edits) event.preventDefault();
  // Keep the open and closed parts: the server opens parts only by their content.
  else if (ctx.target?.id === "compose") folds = new Map([...parts()].map((part) => [part.id, part.open]));
});
document.addEventListener("htmx:after:swap", () => {
  for (const part of parts()) if (folds.has(part.id)) part.open = folds.get(part.id);
  folds = new Map();
});
