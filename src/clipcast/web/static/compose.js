// The compose page answers to what is typed with itself, as far as that is known to the server. An answer that comes
// after something else was typed is out of date: it must not undo that, and a newer one is on its way.

const form = () => document.getElementById("compose");
let edits = 0;
for (const kind of ["input", "change"]) {
  // In the first phase: before the form sends what was typed.
  document.addEventListener(kind, (event) => { if (form().contains(event.target)) edits += 1; }, true);
}
document.addEventListener("htmx:config:request", (event) => { event.detail.ctx.edits = edits; });
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (ctx.target?.id === "compose" && ctx.edits !== edits) event.preventDefault();
});
