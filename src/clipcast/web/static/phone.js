// The app on a phone: its service worker, the number on its icon, and push messages after a new sign-in.

import { call } from "./request.js";

const person = document.body.dataset.person;
const WANTED = "clipcast-push"; // as in push.js

if (person && "serviceWorker" in navigator) navigator.serviceWorker.register("/service-worker.js").catch(() => {});

// The number of Needs you on the icon of the installed app.
const installed = matchMedia("(display-mode: standalone)").matches || navigator.standalone;
async function count() {
  const { needs } = await call("/account/needs");
  if (needs) await navigator.setAppBadge(needs);
  else await navigator.clearAppBadge();
}
if (person && installed && "setAppBadge" in navigator) {
  count().catch(() => {});
  document.body.addEventListener("refresh", () => count().catch(() => {}));
}

// A new sign-in of the same person: the device's messages ended with the session before.
async function renewPush() {
  if (localStorage.getItem(WANTED) !== person || sessionStorage.getItem(WANTED) === person) return;
  if (Notification.permission !== "granted") return;
  await (await import("./push.js")).renew();
  sessionStorage.setItem(WANTED, person);
}
if (person && "PushManager" in window && "Notification" in window) renewPush().catch(() => {});
