// The editor of a clip: the player shows the result as far as CSS can, and plays the cut. The server checks the form.

import { addCue, field, form, number, placeProblems, seconds, set, value } from "./editor_form.js";
import { drawTimeline } from "./editor_timeline.js";
import { showPreview, startFrame } from "./editor_preview.js";
import { showSeconds } from "./times.js";

const by = (id) => document.getElementById(id);
const video = by("player");
const total = Number(form.dataset.duration);
const LEAST = 0.05; // seconds that a cut by dragging keeps

export const cut = () => {
  const start = Math.min(Math.max(seconds("trim.start") ?? 0, 0), total);
  const end = value("trim.end").trim() ? (seconds("trim.end") ?? total) : total;
  return { start, end: Math.max(Math.min(end, total), start) };
};
const speed = () => Math.min(Math.max(number("speed") || 1, 0.25), 4);
// A time of the original in the new clip.
const inResult = (at) => Math.max(0, (at - cut().start) / speed());
// At the end of the cut, the cover is the last frame before it.
function coverAt(at) {
  const last = (cut().end - cut().start) / speed() - 1 / (Number(form.dataset.rate) || 30);
  return Math.min(inResult(at), Math.max(last, 0));
}

for (const id of ["controls", "timeline", "position", "set-cut", "cover-now"]) by(id).hidden = false;

function show() {
  const { start, end } = cut();
  by("start-handle").value = start;
  by("end-handle").value = end;
  for (const [id, at] of [["start-handle", start], ["end-handle", end], ["position", video.currentTime]]) by(id).setAttribute("aria-valuetext", showSeconds(at));
  by("shade-start").style.width = `${(100 * start) / total}%`;
  by("shade-end").style.width = `${100 - (100 * end) / total}%`;
  by("length").textContent = end - start < total - 0.02 || speed() !== 1 ? `${showSeconds((end - start) / speed(), 1)} after the cut.` : "";
  for (const one of by("covers").children) {
    const at = Number(one.dataset.at);
    one.hidden = at < start || at > end;
    one.setAttribute("aria-pressed", String(Math.abs(coverAt(at) - (seconds("cover.at") ?? -9)) < 0.01));
  }
  video.playbackRate = speed();
  video.muted = isMuted || field("audio.mute").checked;
  follow();
}
function follow() {
  by("now").textContent = showSeconds(video.currentTime, 1);
  by("position").value = video.currentTime;
  by("head").style.left = `${(100 * video.currentTime) / total}%`;
  showPreview(inResult(video.currentTime), (cut().end - cut().start) / speed());
}
function seek(at) {
  video.currentTime = Math.min(Math.max(at, 0), total);
  follow();
}

// The player plays the cut only.
function tick() {
  if (video.currentTime >= cut().end - 0.01) {
    video.pause();
    video.currentTime = cut().end;
  }
  follow();
  if (!video.paused) requestAnimationFrame(tick);
}
let isMuted = false;
by("play").addEventListener("click", () => {
  if (!video.paused) return video.pause();
  const { start, end } = cut();
  if (video.currentTime < start - 0.05 || video.currentTime >= end - 0.1) video.currentTime = start;
  video.play().catch(() => {}); // a file that cannot be played has its own message
});
video.addEventListener("click", () => by("play").click());
video.addEventListener("play", () => { by("play").textContent = "Pause"; requestAnimationFrame(tick); });
video.addEventListener("pause", () => { by("play").textContent = "Play"; });
for (const name of ["seeked", "loadeddata", "timeupdate"]) video.addEventListener(name, follow);
by("sound").addEventListener("click", () => {
  isMuted = !isMuted;
  by("sound").setAttribute("aria-pressed", String(isMuted));
  show();
});

// The cut: by dragging, by typing, by keys.
by("start-handle").addEventListener("input", (event) => {
  set("trim.start", showSeconds(Math.min(Number(event.target.value), cut().end - LEAST)), "input");
  seek(cut().start);
});
by("end-handle").addEventListener("input", (event) => {
  set("trim.end", showSeconds(Math.max(Number(event.target.value), cut().start + LEAST)), "input");
  seek(cut().end);
});
by("position").addEventListener("input", (event) => seek(Number(event.target.value)));
by("set-cut").addEventListener("click", (event) => {
  const name = event.target.closest("[data-set]")?.dataset.set;
  if (name) set(name, showSeconds(video.currentTime));
});
by("strip").addEventListener("pointerdown", (event) => {
  const to = (one) => {
    const box = by("strip").getBoundingClientRect();
    seek((total * (one.clientX - box.left)) / box.width);
  };
  by("strip").setPointerCapture(event.pointerId);
  by("strip").onpointermove = to;
  by("strip").onpointerup = by("strip").onpointercancel = () => { by("strip").onpointermove = null; };
  to(event);
});
by("cut").addEventListener("keydown", (event) => {
  if (event.target.matches("input:not([type=range]), textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const name = { i: "trim.start", o: "trim.end" }[event.key.toLowerCase()];
  if (!name) return;
  event.preventDefault();
  set(name, showSeconds(video.currentTime));
});

// Captions and the cover begin at what the player shows.
by("add-cue")?.addEventListener("click", () => addCue(inResult(video.currentTime)));
by("cover-now").addEventListener("click", () => set("cover.at", showSeconds(coverAt(video.currentTime))));

// A fix of a platform's limit.
document.addEventListener("click", (event) => {
  const most = event.target.closest("[data-trim-to]")?.dataset.trimTo;
  if (most) set("trim.end", showSeconds(Math.min(cut().start + Number(most) * speed(), total)));
});
function showFixes() {
  for (const one of document.querySelectorAll("[data-trim-to]")) one.hidden = false;
}
let isOpen = false; // the list of the platforms that take the result
document.addEventListener("htmx:before:swap", () => { isOpen = by("good-fits")?.open ?? isOpen; });
document.addEventListener("htmx:after:swap", () => {
  if (by("good-fits")) by("good-fits").open = isOpen;
  placeProblems();
  showFixes();
});
showFixes();

// A file that this browser cannot play: its converted copy, or the film strip.
let isConverted = false;
function unplayable() {
  const why = by("unplayable-why");
  if (isConverted || !video.dataset.converted) {
    why.textContent = "Cut it by the film strip and by typing times. What you save is made in a form that every browser plays.";
  } else {
    why.textContent = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small secondary";
    button.textContent = "Play the converted copy";
    button.onclick = () => { isConverted = true; by("unplayable").hidden = true; video.src = video.dataset.converted; };
    why.append(button);
  }
  by("unplayable").hidden = false;
}
video.addEventListener("error", unplayable);
// Some browsers play only the sound of such a file.
video.addEventListener("loadedmetadata", () => { if (!video.videoWidth) unplayable(); });
if (video.error || (video.readyState >= HTMLMediaElement.HAVE_METADATA && !video.videoWidth)) unplayable();

form.addEventListener("input", show);
form.addEventListener("change", show);
form.addEventListener("preview", show);
form.addEventListener("rewind", () => seek(cut().start));
startFrame();
show();
drawTimeline(by("timeline"), total, (covers) => {
  for (const one of covers) {
    one.addEventListener("click", () => {
      seek(Number(one.dataset.at));
      set("cover.at", showSeconds(coverAt(Number(one.dataset.at))));
    });
  }
  by("covers").replaceChildren(...covers);
  show();
});
