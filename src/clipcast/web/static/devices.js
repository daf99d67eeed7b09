// The part of the notifications' page about push messages on this device.

import { turnOff, turnOn } from "./push.js";

const part = document.getElementById("push");
const button = part.querySelector("[data-turn-on]");
const problem = part.querySelector("[data-problem]");

function say(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

if (!("serviceWorker" in navigator)) say("This browser gets push messages only by https, or on 127.0.0.1. Open Clipcast by its https address.");
else if (!("PushManager" in window)) say("This browser gets no push messages here. On an iPhone or iPad, add Clipcast to the home screen first, and open it from there.");
else if (button) button.hidden = false;

button?.addEventListener("click", async () => {
  say("");
  button.setAttribute("aria-busy", "true");
  try {
    await turnOn();
    location.assign(`${location.pathname}?done=push-on#push`);
  } catch (error) {
    say(error.message);
  } finally {
    button.removeAttribute("aria-busy");
  }
});

for (const form of part.querySelectorAll("form[data-this-device]")) {
  form.addEventListener("submit", () => turnOff().catch(() => {}));
}
