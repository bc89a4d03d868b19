"use strict";
// What if: sliders ask the desk for another forecast and draw it. Only GET requests: nothing is stored or sent.
const PAUSE_MS = 60;
const UNITS = { "%": { least: -100, most: 100, step: 5 }, MW: { least: -1, most: 1, step: 100 } };

const number = (value, digits = 2) =>
  value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const signed = (value, digits = 0) => (value > 0 ? "+" : value < 0 ? "−" : "±") + number(Math.abs(value), digits);

function part(name, text = "", fields = {}) {
  const one = document.createElement(name);
  one.textContent = text;
  for (const [key, value] of Object.entries(fields)) one.setAttribute(key, value);
  return one;
}

class WhatIf {
  constructor(box) {
    this.box = box;
    this.zone = box.dataset.whatif;
    this.form = box.querySelector("form");
    this.number = 0;
    this.form.addEventListener("input", () => this.soon());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    box.addEventListener("toggle", () => box.open && !this.form.children.length && this.begin());
  }

  async begin() {
    const facts = await this.ask([]);
    if (!facts) return;
    if (!facts.inputs.length) {
      this.say("The champion reads no input that could be moved: its forecast repeats past days.");
      return;
    }
    const unit = part("select", "", { id: `unit-${this.zone}` });
    unit.append(part("option", "% of each hour", { value: "%" }), part("option", "MW in each hour", { value: "MW" }));
    const chosen = part("label", "Move by ");
    chosen.append(unit);
    unit.addEventListener("change", () => this.bounds());
    this.form.append(chosen);
    for (const input of facts.inputs) this.form.append(this.slider(input));
    const back = part("button", "Back to the machine's own", { type: "button" });
    back.addEventListener("click", () => {
      for (const one of this.sliders()) one.value = 0;
      this.soon();
    });
    this.form.append(back);
    this.bounds();
  }

  slider(input) {
    // A label names the first field in it, which would be the output.
    const id = `what-if-${this.zone}-${input.name}`;
    const label = part("label", `${input.name} `, { for: id });
    const moved = part("output", "", { "data-of": input.name });
    const range = part("input", "", { type: "range", id, name: input.name, "aria-label": input.name, value: 0 });
    range.dataset.mean = input.mean_mw;
    range.dataset.max = input.max_mw;
    label.append(moved, range);
    return label;
  }

  sliders() { return [...this.form.querySelectorAll("input[type=range]")]; }

  unit() { return this.form.querySelector("select").value; }

  bounds() {
    const { least, most, step } = UNITS[this.unit()];
    for (const one of this.sliders()) {
      const scale = this.unit() === "MW" ? Math.max(step, Math.ceil(one.dataset.max / step) * step) : 1;
      Object.assign(one, { min: least * scale, max: most * scale, step });
      one.value = 0;
    }
    this.soon();
  }

  words() {
    for (const one of this.sliders()) {
      const words = `${signed(Number(one.value))} ${this.unit()} (mean ${number(Number(one.dataset.mean), 0)} MW)`;
      this.form.querySelector(`output[data-of="${one.name}"]`).textContent = words;
      one.setAttribute("aria-valuetext", words);
    }
  }

  soon() {
    this.words();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.change(), PAUSE_MS);
  }

  async change() {
    const moved = this.sliders().filter((one) => Number(one.value) !== 0);
    await this.ask(moved.map((one) => `${one.name}=${one.value}${this.unit()}`));
  }

  async ask(changes) {
    const mine = ++this.number;
    const query = new URLSearchParams({ zone: this.zone });
    for (const one of changes) query.append("set", one);
    try {
      const answer = await fetch(`/what_if?${query}`);
      if (mine !== this.number) return null;
      if (!answer.ok) {
        this.say(await answer.text(), true);
        return null;
      }
      const facts = await answer.json();
      this.show(facts);
      return facts;
    } catch {
      this.say("The desk does not answer.", true);
      return null;
    }
  }

  say(text, isBad) {
    const line = this.box.querySelector(".answer");
    line.textContent = text;
    line.classList.toggle("no", Boolean(isBad));
  }

  show(facts) {
    const moved = facts.changes.length ? facts.changes.join(", ") : "nothing moved";
    this.say(`${facts.delivery_day}, ${moved}: mean price ${number(facts.mean_eur_per_mwh)} EUR/MWh`
      + ` (machine ${number(facts.machine_mean_eur_per_mwh)}), expected ${number(facts.expected_eur)} EUR`
      + ` (machine ${number(facts.machine_expected_eur)}, ${signed(facts.change_eur, 2)}),`
      + ` ${facts.n_orders} orders (machine ${facts.machine_n_orders}).`);
    this.box.querySelector(".notes").replaceChildren(...facts.notes.map((note) => part("li", note)));
    const drawing = new DOMParser().parseFromString(facts.chart, "text/html").querySelector("svg");
    const caption = part("figcaption", "Forecast and orders that would be; faint the machine's own forecast.");
    this.box.querySelector("figure").replaceChildren(...(drawing ? [drawing, caption] : []));
  }
}

for (const box of document.querySelectorAll("[data-whatif]")) new WhatIf(box);
