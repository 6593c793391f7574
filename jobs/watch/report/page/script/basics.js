"use strict";
// The page's data are JSON blocks: #overview before this script, script.items after it. A clip's pictures are a block
// of base64 each (#p0, #p1, ...), inert text until its card is in view. Text reaches the page by textContent only.

const byId = (id) => document.getElementById(id);
const overview = JSON.parse(byId("overview").textContent);

// ---- small things

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const whole = new Intl.NumberFormat("en");
const count = (n) => whole.format(n);
const plural = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;

function seconds(s) {
  if (s < 0.00095) return `${Math.round(1e6 * s)} µs`;
  if (s < 0.0995) return `${(1000 * s).toFixed(s < 0.00995 ? 1 : 0)} ms`;
  if (s < 99.5) return `${s.toFixed(s < 9.95 ? 2 : 1)} s`;
  return duration(s);
}

function duration(s) {
  s = Math.round(s);
  if (s < 60) return `${s} s`;
  const parts = [[Math.floor(s / 86400), "d"], [Math.floor(s / 3600) % 24, "h"], [Math.floor(s / 60) % 60, "min"], [s % 60, "s"]];
  const first = parts.findIndex(([n]) => n > 0);
  return parts.slice(first, first + 2).filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}`).join(" ");
}

const stamp = new Intl.DateTimeFormat("en-GB", {dateStyle: "medium", timeStyle: "medium"});
const when = (time) => stamp.format(new Date(1000 * time));
const clock = (time, step) => {
  const date = new Date(1000 * time);
  if (step >= 86400) return date.toLocaleDateString("en-GB", {day: "numeric", month: "short"});
  const options = {hour: "2-digit", minute: "2-digit"};
  if (step < 60) options.second = "2-digit";
  const text = date.toLocaleTimeString("en-GB", options);
  return step >= 3600 && date.getHours() === 0 ? date.toLocaleDateString("en-GB", {day: "numeric", month: "short"}) : text;
};

function pairs(list, entries) {
  list.replaceChildren();
  for (const [name, value] of entries) {
    if (value === undefined || value === null || value === "") continue;
    list.append(make("dt", {}, name), make("dd", {}, String(value)));
  }
}

function table(into, head, rows) {
  const cells = head.map(([text, kind]) => make("th", {scope: "col", class: kind}, text));
  into.replaceChildren(make("thead", {}, make("tr", {}, ...cells)), make("tbody", {}, ...rows));
}

function cell(content, kind) {
  return make("td", {class: kind}, content);
}

const tip = byId("tip");
function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.min(x + 14, innerWidth - box.width - 8)}px`;
  tip.style.top = `${y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18}px`;
}
const hideTip = () => { tip.hidden = true; };

const redraws = [];
let redrawing = 0;
function redrawAll() {
  cancelAnimationFrame(redrawing);
  redrawing = requestAnimationFrame(() => redraws.forEach((redraw) => redraw()));
}
new ResizeObserver(redrawAll).observe(document.querySelector("main"));

// ---- colours

const themes = ["auto", "light", "dark"];
const systemDark = matchMedia("(prefers-color-scheme: dark)");
let theme = "auto";
try {
  theme = themes.includes(localStorage.getItem("ditmill-theme")) ? localStorage.getItem("ditmill-theme") : "auto";
} catch { /* storage is off: the choice lasts as long as the page */ }

function applyTheme() {
  const dark = theme === "dark" || (theme === "auto" && systemDark.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const words = {auto: "Auto", light: "Light", dark: "Dark"};
  byId("theme").textContent = words[theme];
  byId("theme").setAttribute("aria-label", `Colours: ${theme === "auto" ? "as the system" : theme}`);
  redrawAll();
}
byId("theme").addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  try { localStorage.setItem("ditmill-theme", theme); } catch { /* as above */ }
  applyTheme();
});
systemDark.addEventListener("change", applyTheme);
applyTheme();

const tone = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
