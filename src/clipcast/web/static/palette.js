// The command palette: Ctrl K opens it, arrows choose, Enter opens, Ctrl Enter opens a new tab, Esc closes.

const dialog = document.getElementById("palette");
const input = dialog?.querySelector("input");
const entries = () => [...dialog.querySelectorAll("[role=option]")];

function choose(entry) {
  for (const one of entries()) one.setAttribute("aria-selected", String(one === entry));
  if (entry) {
    input.setAttribute("aria-activedescendant", entry.id);
    entry.scrollIntoView({ block: "nearest" });
  } else {
    input.removeAttribute("aria-activedescendant");
  }
}

// The text whose entries are shown. Enter waits for those of what is typed.
let shown;
let entered;
function go(entry, inTab) {
  if (!entry) return;
  if (entry.hasAttribute("data-sent")) send(entry);
  else if (inTab) window.open(entry.href, "_blank", "noopener");
  else location.assign(entry.href);
  dialog.close();
}

// The pages have the form: the palette presses its button.
function send(entry) {
  document.querySelector(`form[action="${entry.getAttribute("href")}"]`)?.requestSubmit();
}

function open() {
  if (dialog.open || document.querySelector("dialog[open]")) return;
  input.value = "";
  dialog.showModal(); // the browser gives the focus back when the dialog closes
  htmx.trigger(input, "opened");
}

if (dialog) {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else open();
    }
  });
  document.addEventListener("click", (event) => {
    const sent = event.target.closest("#palette [data-sent]");
    if (sent) {
      event.preventDefault();
      send(sent);
    } else if (event.target.closest("[data-palette]")) open();
    // A press on the ground behind the dialog closes it.
    else if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("htmx:config:request", ({ detail: { ctx } }) => { ctx.typed = input.value; });
  dialog.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx.response.status >= 400) return;
    shown = ctx.typed;
    choose(entries()[0]);
    if (!entered || input.value !== shown) return;
    go(entries()[0], entered.inTab);
    entered = undefined;
  });
  input.addEventListener("input", () => { entered = undefined; });
  dialog.addEventListener("close", () => { entered = undefined; });
  dialog.addEventListener("keydown", (event) => {
    const all = entries();
    const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) {
      event.preventDefault();
      shown = input.value; // whoever chooses means what is there
      choose(all[(at + step + all.length) % all.length]);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      const inTab = event.ctrlKey || event.metaKey;
      if (input.value === shown) go(all[at], inTab);
      else entered = { inTab };
    }
  });
}
