// Requests of scripts to the pages' own routes.

// POST JSON, or GET without a body, and return the JSON of the response. Throw an Error with the text to show.
export async function call(path, body) {
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, body === undefined ? {} : post);
  if (response.status === 401) document.body.dispatchEvent(new CustomEvent("sign-in-needed", { bubbles: true }));
  const json = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(json.errors?.map((one) => one.message).join(" ") || json.detail || `The server returned ${response.status}. Try again.`);
  return json;
}
