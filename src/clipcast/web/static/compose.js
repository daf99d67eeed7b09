// The compose page answers to what is typed with itself, as far as that is known to the server. An answer that comes
// after something else was typed is out of date: it must not undo that, and a newer one is on its way.

const form = () => document.getElementById("compose");
const parts = () => form().querySelectorAll("details[id]");
let edits = 0;
let folds = new Map();
for (const kind of ["input", "change"]) {
  // In the first phase: before the form sends what was typed.
  document.addEventListener(kind, (event) => { if (form().contains(event.target)) edits += 1; }, true);
}
document.addEventListener("htmx:config:request", (event) => { event.detail.ctx.edits = edits; });
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (ctx.target?.id === "compose" && ctx.edits !== edits) event.preventDefault();
  // What was unfolded or folded stays so: the server only knows where something was typed.
  else if (ctx.target?.id === "compose") folds = new Map([...parts()].map((part) => [part.id, part.open]));
});
document.addEventListener("htmx:after:swap", () => {
  for (const part of parts()) if (folds.has(part.id)) part.open = folds.get(part.id);
  folds = new Map();
});
