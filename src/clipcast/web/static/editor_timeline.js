// The film strip and the sound under the player, and the frames from which the cover is chosen.

import { showSeconds } from "./times.js";

const SOUND = 24; // pixels of height

export async function drawTimeline(timeline, total, offerCovers) {
  const response = await fetch(timeline.dataset.timeline).catch(() => null);
  if (!response?.ok) return;
  const { peaks, frames } = await response.json();
  const strip = frames ? await load(timeline.dataset.strip) : null;
  const canvas = timeline.querySelector("canvas");
  const draw = () => paint(canvas, strip, frames, peaks);
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
  if (strip) offerCovers(Array.from({ length: frames }, (_, index) => cover(strip, frames, index, (total * (index + 0.5)) / frames)));
}

function load(address) {
  return new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = address;
  });
}

function paint(canvas, strip, frames, peaks) {
  const scale = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  const pictures = peaks.length ? height - SOUND : height;
  if (strip) {
    // Each frame fills its cell; what does not fit is cut off.
    const [own, high, cell] = [strip.naturalWidth / frames, strip.naturalHeight, width / frames];
    const part = Math.min(own / cell, high / pictures);
    for (let index = 0; index < frames; index += 1) {
      const [x, y] = [own * index + (own - cell * part) / 2, (high - pictures * part) / 2];
      context.drawImage(strip, x, y, cell * part, pictures * part, cell * index, 0, cell, pictures);
    }
  }
  context.fillStyle = getComputedStyle(canvas).color;
  for (let x = 0; x < width && peaks.length; x += 1) {
    const from = Math.floor((x / width) * peaks.length);
    const to = Math.max(from + 1, Math.floor(((x + 1) / width) * peaks.length));
    const bar = Math.max(1, (Math.max(...peaks.slice(from, to)) / 100) * (SOUND - 2));
    context.fillRect(x, pictures + (SOUND - bar) / 2, 1, bar);
  }
}

function cover(strip, frames, index, at) {
  const button = document.createElement("button");
  const canvas = document.createElement("canvas");
  const own = strip.naturalWidth / frames;
  Object.assign(canvas, { width: own, height: strip.naturalHeight });
  canvas.getContext("2d").drawImage(strip, own * index, 0, own, strip.naturalHeight, 0, 0, own, strip.naturalHeight);
  button.type = "button";
  button.className = "plain";
  button.dataset.at = at;
  button.setAttribute("aria-label", `Cover at ${showSeconds(at, 1)} of the original`);
  button.append(canvas);
  return button;
}
