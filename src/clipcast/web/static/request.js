// Requests of scripts to the pages' own routes.

// Return the JSON of the response to a request. Throw an Error with the text to show.
export async function request(path, options = {}) {
  const response = await fetch(path, options);
  if (response.status === 401) document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
  const json = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(json.errors?.map((one) => one.message).join(" ") || json.detail || `The server returned ${response.status}. Try again.`);
  return json;
}

// POST JSON, or GET without a body.
export const call = (path, body) =>
  request(path, body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
