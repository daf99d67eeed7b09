// The page of a review: the time of a comment jumps there in the clip.

document.addEventListener("click", (event) => {
  const jump = event.target.closest("[data-second]");
  const video = jump && document.querySelector(".review .player");
  if (!video) return;
  video.currentTime = Number(jump.dataset.second);
  video.scrollIntoView({ block: "nearest" });
  video.focus();
});
