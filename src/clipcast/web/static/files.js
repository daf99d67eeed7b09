// Files that people choose in a field, or drop anywhere on the page.

// Hand over what is chosen in a field, also what was chosen before this script was there. The same file can be chosen again.
export function onChosen(input, take) {
  const taken = () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) take(files);
  };
  input.addEventListener("change", (event) => {
    event.stopPropagation(); // the files are no field of a form around them
    taken();
  });
  taken();
}

// Hand over what is dropped. `place` has the class while files are over the page.
export function onDropped(place, over, take) {
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  document.addEventListener("dragenter", (event) => { if (holdsFiles(event)) { depth += 1; place.classList.add(over); } });
  document.addEventListener("dragleave", (event) => { if (holdsFiles(event) && --depth <= 0) { depth = 0; place.classList.remove(over); } });
  document.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    depth = 0;
    place.classList.remove(over);
    take([...event.dataTransfer.files]);
  });
}
