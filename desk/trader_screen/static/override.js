"use strict";
// A trader's own view of orders: a window that names the scope. `post` is that of screen.js.
const overrideDialog = document.getElementById("override");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-override]");
  if (!button || !overrideDialog) return;
  const form = overrideDialog.querySelector("form");
  const { override: strategy, scope, day } = button.dataset;
  const what = `orders of ${strategy}, ${scope}, ${day}`;
  const numbers = document.getElementById("override-numbers");
  const say = () => {
    const action = form.elements.action;
    numbers.hidden = action.value !== "change";
    document.getElementById("override-yes").textContent =
      `${action.options[action.selectedIndex].text.split(" ")[0]} ${form.elements.units.value || "…"}, ${strategy} of ${scope}`;
  };
  form.reset();
  document.getElementById("override-title").textContent = `Change ${what}?`;
  document.getElementById("override-means").textContent =
    `This concerns ${what}. The limits judge it as they judge the machine. Your name is recorded with it.`;
  form.oninput = say;
  say();
  overrideDialog.onclose = () => {
    if (overrideDialog.returnValue !== "yes") return;
    const fields = Object.fromEntries(new FormData(form));
    if (fields.action !== "change") Object.assign(fields, { volume: "", price: "" });
    post("/do/override", { scope, strategy, day, ...fields });
    form.reset();
  };
  overrideDialog.returnValue = "no";
  overrideDialog.showModal();
});
