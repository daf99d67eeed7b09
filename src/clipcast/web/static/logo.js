// The logo of a client: it is uploaded as soon as it is chosen.

import { request } from "./request.js";

const input = document.getElementById("logo");
const problem = document.getElementById("logo-problem");

input.addEventListener("change", async () => {
  const [file] = input.files;
  if (!file) return;
  problem.textContent = "";
  input.disabled = true;
  try {
    const headers = { "Content-Type": file.type || "application/octet-stream" };
    await request(input.dataset.to, { method: "POST", headers, body: file });
    location.reload();
  } catch (error) {
    problem.textContent = error instanceof TypeError ? "No connection. Choose the picture again when it is back." : error.message;
    input.value = "";
    input.disabled = false;
  }
});
