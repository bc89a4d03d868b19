"use strict";
// The page asks for itself every few seconds and takes over what has changed. Actions are posted as JSON.
const SECONDS = 5;
const ASKS = {
  reduce: ["/do/reduce", "Reduce", "Only orders that make open positions smaller may leave", true],
  resume: ["/do/resume", "Resume", "Orders may leave again", true],
  acknowledge: ["/do/acknowledge", "Acknowledge", "Your name is recorded with it", false],
  sign_off: ["/do/sign_off", "Sign off", "The version serves from the next forecast on", true],
};
const told = document.getElementById("told");
const dialog = document.getElementById("ask");
let etag = "";
let deskAhead = null; // milliseconds by which the desk's clock is ahead of the browser's: a gate is the desk's

function tell(text, isBad) {
  told.textContent = text;
  told.setAttribute("role", isBad ? "alert" : "status");
}

async function post(path, fields) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields),
    });
    const text = await answer.text();
    tell(answer.ok ? JSON.parse(text).told : text, !answer.ok);
  } catch {
    tell(`NOT DONE: the desk did not answer. Use the command line: spotdesk ${path.split("/").pop()}`, true);
  }
  etag = "";
  await refresh();
}

async function refresh() {
  try {
    const answer = await fetch(location.pathname, { headers: etag ? { "If-None-Match": etag } : {} });
    if (answer.status === 401) return location.reload();
    readClock(answer);
    if (answer.status === 304) return;
    if (!answer.ok) throw new Error();
    etag = answer.headers.get("etag") || "";
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (document.querySelectorAll(".zone").length !== fresh.querySelectorAll(".zone").length) return location.reload();
    document.title = fresh.title;
    for (const old of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(old.id);
      if (!next || next.innerHTML === old.dataset.html) continue;
      const open = [...old.querySelectorAll("details")].map((one) => one.open);
      const isHeld = old.contains(document.activeElement) && document.activeElement !== document.body;
      if (isHeld && document.activeElement.matches("input")) continue;
      old.dataset.html = next.innerHTML;
      old.replaceChildren(...next.childNodes);
      old.querySelectorAll("details").forEach((one, n) => { one.open = open[n] || false; });
    }
  } catch {
    tell("The desk does not answer: what stands here is old.", true);
  }
}

function readClock(answer) {
  const desk = Date.parse(answer.headers.get("X-Desk-Time"));
  if (!Number.isNaN(desk)) deskAhead = desk - Date.now();
}

function count() {
  if (deskAhead === null) return;
  for (const one of document.querySelectorAll("[data-gate]")) {
    const left = Math.floor((Date.parse(one.dataset.gate) - Date.now() - deskAhead) / 1000);
    const hours = Math.floor(left / 3600), minutes = Math.floor(left / 60) % 60;
    const two = (n) => String(n).padStart(2, "0");
    const words = left <= 0 ? "closed" : hours ? `in ${hours} h ${two(minutes)} min` : `in ${minutes} min ${two(left % 60)} s`;
    if (one.textContent !== words) one.textContent = words;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.do) return;
  event.preventDefault();
  post(form.dataset.do, Object.fromEntries(new FormData(form)));
});

document.addEventListener("click", (event) => {
  const bar = event.target.closest("[data-words]");
  if (bar) {
    const words = bar.closest("figure").nextElementSibling;
    words.textContent = bar.dataset.words;
    return;
  }
  const button = event.target.closest("[data-ask]");
  if (!button) return;
  const [path, verb, means, needsReason] = ASKS[button.dataset.ask];
  const form = dialog.querySelector("form");
  form.reset();
  document.getElementById("ask-title").textContent = `${verb} ${button.dataset.what}?`;
  document.getElementById("ask-means").textContent = `${means}. This concerns ${button.dataset.what}.`;
  document.getElementById("ask-yes").textContent = `${verb} ${button.dataset.what}`;
  document.getElementById("ask-second").hidden = button.dataset.ask !== "sign_off";
  form.elements.reason.required = needsReason;
  dialog.onclose = () => {
    if (dialog.returnValue !== "yes") return;
    const { scope, alert, version, model } = button.dataset;
    post(path, { scope, alert, version, model, ...Object.fromEntries(new FormData(form)) });
    form.reset();
  };
  dialog.returnValue = "no";
  dialog.showModal();
});

function measureBar() {
  const height = document.querySelector(".bar").offsetHeight;
  document.documentElement.style.setProperty("--bar", `${height}px`);
}

measureBar();
addEventListener("resize", measureBar);
fetch(location.pathname, { method: "HEAD" }).then(readClock, () => {});
setInterval(refresh, SECONDS * 1000);
setInterval(count, 1000);
