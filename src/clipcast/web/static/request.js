// Requests of scripts to the pages' own routes.

// The browser's own words for a lost connection differ, and help nobody.
function lost() {
  throw Object.assign(new TypeError("No connection. Try again when it is back."), { isTemporary: true });
}

// Whether the same request may succeed later: after a sign-in, a pause, or a start of the server.
export const isTemporary = (status) => status === 401 || status === 429 || status >= 500;

// Return the JSON of the response to a request. Throw an Error with the text to show, with `isTemporary`, and
// with the `status` of the response, if there is one.
export async function request(path, options = {}) {
  const response = await fetch(path, options).catch(lost);
  const { ok, status } = response;
  if (status === 401) document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
  const text = await response.text().catch(ok ? lost : () => "");
  const json = readJson(text);
  if (ok) return json;
  const words = status === 401 ? "Your session has ended. Sign in, and it goes on." : `The server returned ${status}. Try again.`;
  throw Object.assign(new Error(json.errors?.map((one) => one.message).join(" ") || json.detail || words), { status, isTemporary: isTemporary(status) });
}
function readJson(text) {
  try { return JSON.parse(text); } catch { return {}; }
}

// POST JSON, or GET without a body.
export const call = (path, body) =>
  request(path, body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
