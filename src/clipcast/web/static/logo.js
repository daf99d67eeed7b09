// The logo of a client: it is uploaded as soon as it is chosen.

import { onChosen } from "./files.js";
import { request } from "./request.js";

const input = document.getElementById("logo");
const problem = document.getElementById("logo-problem");

onChosen(input, async ([file]) => {
  problem.textContent = "";
  input.disabled = true;
  try {
    const headers = { "Content-Type": file.type || "application/octet-stream" };
    await request(input.dataset.to, { method: "POST", headers, body: file });
    // Only the logo is shown anew: a name that is being typed stays.
    const selectOOB = "#client-mark:outerHTML,#logo-label:outerHTML,#pages:outerMorph";
    await htmx.ajax("GET", location.pathname, { source: input, target: "#logo-now", select: "#logo-now", swap: "outerHTML", selectOOB });
  } catch (error) {
    problem.textContent = error instanceof TypeError ? "No connection. Choose the picture again when it is back." : error.message;
  } finally {
    input.disabled = false;
  }
});
