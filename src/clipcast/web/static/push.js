// Push messages of this browser.

import { call } from "./request.js";

// Set while this browser gets push messages: the person's id.
const WANTED = "clipcast-push";
// Without a connection to the browser's push service, a subscription waits for ever.
const PATIENCE = 30_000;

async function send(subscription) {
  await call("/account/push", subscription.toJSON());
  localStorage.setItem(WANTED, document.body.dataset.person);
}

export async function turnOn() {
  if (await Notification.requestPermission() !== "granted") {
    throw new Error("This browser does not allow messages from Clipcast. Allow notifications in its settings, then try again.");
  }
  const { key } = await call("/account/push/key");
  await navigator.serviceWorker.register("/service-worker.js");
  const { pushManager } = await navigator.serviceWorker.ready;
  // One with another key, of another installation at this address, cannot be used.
  await (await pushManager.getSubscription())?.unsubscribe();
  let subscription;
  try {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`It took over ${PATIENCE / 1000} s.`)), PATIENCE));
    subscription = await Promise.race([pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }), late]);
  } catch (error) {
    if (error.name === "NotAllowedError") throw new Error("A private window gets no push messages. Open Clipcast in another window.");
    throw new Error(`This browser's push service does not respond. Check the connection, then try again. (${error.message})`);
  }
  await send(subscription);
}

export async function turnOff() {
  localStorage.removeItem(WANTED);
  const registration = await navigator.serviceWorker?.getRegistration();
  await (await registration?.pushManager?.getSubscription())?.unsubscribe();
}

// Send the subscription again, for the new session of the same person.
export async function renew() {
  const { pushManager } = await navigator.serviceWorker.ready;
  const subscription = await pushManager.getSubscription();
  if (subscription) await send(subscription);
  else localStorage.removeItem(WANTED);
}
