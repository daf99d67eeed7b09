// Templates: one that would replace words or accounts of the draft is used after a question.

import { form } from "./compose_form.js";

const dialog = document.getElementById("templates");
dialog.addEventListener("click", ({ target }) => {
  const use = target.closest("form[data-question]");
  if (!use) return;
  const isBegun = form.querySelector("#text")?.value || form.querySelector("#title")?.value || form.querySelector("[name=account]:checked, [name=account][type=hidden]");
  if (isBegun) use.dataset.confirm = use.dataset.question;
  else delete use.dataset.confirm;
});
