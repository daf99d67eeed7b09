// The page of notices: who follows a notice has read it.
for (const name of ["click", "auxclick"]) {
  document.addEventListener(name, (event) => {
    const link = event.target.closest("[data-reads]");
    if (link) fetch(link.dataset.reads, { method: "POST", keepalive: true });
  });
}
