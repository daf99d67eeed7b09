// The offline page opens what was wanted when the server responds again. A browser that is online may still not reach it.
const EVERY = 5000;

async function look() {
  const response = await fetch("/livez", { cache: "no-store" }).catch(() => null);
  if (response?.ok) location.reload();
}
addEventListener("online", look);
setInterval(look, EVERY);
