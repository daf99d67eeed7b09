// A preview of the result over the player: shape, crop, captions, watermark and fades. It is made of CSS, so it is close,
// not exact.

import { cues, field, form, number, set, ticked, value } from "./editor_form.js";

const by = (id) => document.getElementById(id);
const video = by("player");
const stage = by("stage");
const source = Number(form.dataset.width) / Number(form.dataset.height);

function wanted() {
  const match = /^(\d+):(\d+)$/.exec(value("aspect_ratio"));
  return match ? match[1] / match[2] : source;
}
const isCropped = () => value("aspect_ratio") !== "source" && value("fit") === "crop";
const share = (name, usual) => Math.min(Math.max(number(name) ?? usual, 0), 100) / 100;
let showsResult = false;
by("backdrop").width = Math.max(2, Math.round(64 * source));
const poster = new Image();
poster.onload = () => form.dispatchEvent(new Event("preview"));
if (video.poster) poster.src = video.poster;

// The part of the picture that a crop keeps, in shares of the picture.
function kept() {
  const ratio = wanted();
  const size = ratio < source ? { width: ratio / source, height: 1 } : { width: 1, height: source / ratio };
  const place = (focus, length) => Math.min(Math.max(focus - length / 2, 0), 1 - length);
  return { ...size, x: place(share("focus.x", 50), size.width), y: place(share("focus.y", 50), size.height) };
}

export function showPreview(at, length) {
  const framing = isCropped() && !showsResult;
  const ratio = framing ? source : wanted();
  stage.style.aspectRatio = String(ratio);
  stage.style.width = `min(100%, calc(min(46vh, 28rem) * ${ratio}))`;
  stage.style.background = value("fit") === "pad" && !isCropped() ? value("pad_color") : "#000";
  video.style.objectFit = isCropped() && showsResult ? "cover" : "contain";
  const { x, y, width, height } = kept();
  video.style.objectPosition = isCropped() && showsResult ? `${width < 1 ? (100 * x) / (1 - width) : 50}% ${height < 1 ? (100 * y) / (1 - height) : 50}%` : "";
  const frame = by("frame");
  frame.hidden = !framing;
  const inside = { left: `${100 * x}%`, top: `${100 * y}%`, width: `${100 * width}%`, height: `${100 * height}%` };
  Object.assign(frame.style, inside);
  // Captions are drawn within what is kept.
  const whole = { left: "", top: "", width: "", height: "" };
  Object.assign(by("canvas").style, framing ? inside : whole);
  by("result").hidden = !isCropped();
  showBackdrop();
  showMark();
  showCaption(at);
  showFade(at, length);
}

function showBackdrop() {
  const backdrop = by("backdrop");
  backdrop.hidden = value("fit") !== "pad_blur" || Math.abs(wanted() / source - 1) < 0.005;
  if (backdrop.hidden) return;
  // A browser that has not shown a frame yet draws nothing of the video.
  for (const picture of [poster, video]) backdrop.getContext("2d").drawImage(picture, 0, 0, backdrop.width, backdrop.height);
}

function showMark() {
  const mark = by("mark");
  const id = value("watermark.asset_id");
  mark.hidden = !id || (isCropped() && !showsResult);
  if (mark.hidden) return;
  const address = `${form.querySelector("[data-uploads]").dataset.uploads.replace("/uploads", "")}/${id}/picture`;
  if (mark.getAttribute("src") !== address) mark.src = address;
  const place = value("watermark.position");
  const margin = `${share("watermark.margin", 4) * stage.clientWidth}px`;
  mark.style.width = `${100 * share("watermark.width", 15)}%`;
  mark.style.opacity = share("watermark.opacity", 80);
  mark.style.inset = place === "center" ? "0" : "auto";
  mark.style.margin = place === "center" ? "auto" : "0";
  if (place === "center") return;
  const [row, column] = place.split("_");
  mark.style[row] = margin;
  mark.style[column] = margin;
}

function showCaption(at) {
  const shown = by("caption");
  const now = cues().find((cue) => cue.start !== null && cue.start <= at && at < cue.end && cue.text.trim());
  shown.hidden = !now;
  if (!now) return;
  shown.textContent = ticked("captions.style.uppercase") ? now.text.toUpperCase() : now.text;
  const line = ticked("captions.style.outlined") ? value("captions.style.outline") : "transparent";
  shown.dataset.place = value("captions.style.position");
  Object.assign(shown.style, {
    fontSize: `${share("captions.style.size", 3.5) * by("canvas").clientHeight}px`,
    color: value("captions.style.color"),
    background: ticked("captions.style.boxed") ? value("captions.style.background") : "transparent",
    textShadow: `1px 1px ${line}, -1px 1px ${line}, 1px -1px ${line}, -1px -1px ${line}`,
  });
}

function showFade(at, length) {
  const [begin, end] = [number("fade.in") || 0, number("fade.out") || 0];
  const dark = Math.max(begin ? 1 - at / begin : 0, end ? 1 - (length - at) / end : 0);
  by("dark").hidden = dark <= 0;
  by("dark").style.opacity = Math.min(1, dark);
}

// The frame of a crop is dragged over the picture. Who cannot drag types the focus.
export function startFrame() {
  const frame = by("frame");
  frame.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    frame.setPointerCapture(event.pointerId);
    const { x, y, width, height } = kept();
    const box = stage.getBoundingClientRect();
    const [fromX, fromY] = [event.clientX, event.clientY];
    const focus = (start, length, moved) => String(Math.round(1000 * (Math.min(Math.max(start + moved, 0), 1 - length) + length / 2)) / 10);
    frame.onpointermove = (one) => {
      field("focus.points").value = "";
      if (width < 1) set("focus.x", focus(x, width, (one.clientX - fromX) / box.width), "input");
      if (height < 1) set("focus.y", focus(y, height, (one.clientY - fromY) / box.height), "input");
    };
    frame.onpointerup = frame.onpointercancel = () => { frame.onpointermove = null; };
  });
  by("result").addEventListener("click", () => {
    showsResult = !showsResult;
    by("result").setAttribute("aria-pressed", String(showsResult));
    if (showsResult) form.dispatchEvent(new Event("rewind"));
    form.dispatchEvent(new Event("preview"));
  });
}
