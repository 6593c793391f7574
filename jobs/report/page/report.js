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

// ---- head

const states = {done: "Done", failed: "Finished with failures", running: "Running", stopped: "Stopped early", crashed: "Ended without a word", empty: "Not started"};

function parallelWords(parallel) {
  if (!parallel || typeof parallel !== "object") return parallel;
  const degrees = ["dp", "cfg", "ring", "ulysses", "pp", "tp"].filter((axis) => parallel[axis] !== 1).map((axis) => `${axis} ${parallel[axis]}`);
  if (parallel.fsdp) degrees.push("fsdp");
  return degrees.join(" × ") || "one rank";
}

const parameters = (n) => (n >= 1e9 ? `${(n / 1e9).toPrecision(2)} B` : n >= 9.5e6 ? `${Math.round(n / 1e6)} M` : `${(n / 1e6).toPrecision(2)} M`);

function renderSettings() {
  const config = overview.config;
  if (!config) {
    byId("settings").append(make("dd", {class: "muted"}, "config.json is not there: the run did not get as far"));
    return;
  }
  const model = config.layer1_model_definition ?? {};
  const pipeline = config.layer2_inference_config ?? {};
  const noop = model.noop !== null && model.noop !== undefined;
  const parts = (model.models ?? []).map((part) => `${part.name} ${part.variant || part.class} (${part.dtype}, ${parameters(part.parameters)})`);
  pairs(byId("settings"), [
    ["Model", noop ? `none: a rehearsal of ${model.noop} s an item` : model.path],
    ["Weights", parts.join("; ")],
    ["Preset", pipeline.preset],
    ["Sampling", noop ? undefined : `${pipeline.solver}, ${pipeline.steps} steps, guidance ${pipeline.guidance_scale}, flow shift ${pipeline.flow_shift}`],
    ["Precision", noop ? undefined : pipeline.dtype],
    ["Layout", parallelWords(pipeline.parallel)],
    ["Device", config.device_name || config.device],
    ["Threads a rank", config.threads],
    ["ditmill", config.ditmill_version],
    ["Directory", overview.run],
  ]);
}

function renderEpochs() {
  const rows = overview.epochs.map((epoch) => make("tr", {},
    cell(epoch.number, "number"),
    cell(epoch.begin ? when(epoch.begin) : "–", "nowrap"),
    cell(epoch.begin ? duration(epoch.end - epoch.begin) : "–", "nowrap"),
    cell(epoch.host || "–"),
    cell(epoch.slurm_job ? epoch.slurm_job + (epoch.slurm_restart ? ` (restart ${epoch.slurm_restart})` : "") : "–"),
    cell(count(epoch.groups), "number"),
    cell(count(epoch.done), "number"),
    cell(count(epoch.failed), "number")));
  if (rows.length === 0) rows.push(make("tr", {}, make("td", {colspan: 8, class: "muted"}, "None yet")));
  table(byId("epochs"), [["No.", "number"], ["First item"], ["For"], ["Host"], ["Slurm job"], ["Groups", "number"], ["Done", "number"], ["Failed", "number"]], rows);
}

function renderHead() {
  const counts = overview.counts;
  document.title = `${overview.name} · ditmill report`;
  byId("name").textContent = overview.name;
  byId("state").textContent = states[overview.state];
  byId("state").classList.add({done: "done", failed: "failed", running: "running", stopped: "quarantined", crashed: "failed"}[overview.state] ?? "left");
  byId("reason").textContent = [overview.reason, overview.exit === null ? "" : `exit code ${overview.exit}`].filter(Boolean).join(" · ");
  const kinds = ["done", "failed", "quarantined", "left"];
  const share = byId("share");
  share.setAttribute("aria-label", kinds.map((kind) => `${count(counts[kind])} ${kind}`).join(", "));
  for (const kind of kinds.slice(0, 3)) {
    if (counts[kind]) share.append(make("span", {class: kind, style: `flex: ${counts[kind]} 0 0`}));
  }
  if (counts.left) share.append(make("span", {class: "left", style: `flex: ${counts.left} 0 0; background: none`}));
  const figure = (name, value, small, kind) => make("div", {}, make("dt", {class: kind}, name), make("dd", {}, value, small ? make("small", {}, ` ${small}`) : null));
  const active = overview.active_seconds;
  const rate = active > 0 ? (3600 * counts.done) / active : 0;
  byId("counts").append(
    figure("Done", count(counts.done), `of ${count(counts.items)}`, "done"),
    figure("Failed", count(counts.failed), "", "failed"),
    figure("Quarantined", count(counts.quarantined), "", "quarantined"),
    figure("Left", count(counts.left), "", "left"),
    figure("Time at work", active > 0 ? duration(active) : "–"),
    figure("Items an hour", rate > 0 ? count(Number(rate.toPrecision(3))) : "–"),
    figure("Starts", count(overview.epochs.length)));
  renderSettings();
  renderEpochs();
  byId("footer").textContent = `Written ${when(overview.generated)} by ditmill ${overview.version} from the files of the run. Times are those of this browser's time zone.`;
}

function renderNotes(notes) {
  if (notes.length === 0) return;
  const box = byId("notes");
  box.replaceChildren(make("h3", {}, notes.length === 1 ? "One note" : `${count(notes.length)} notes`), make("ul", {}, ...notes.map((note) => make("li", {}, note))));
  box.hidden = false;
}

// ---- the time axis that both charts share

const timeline = overview.timeline;

// Wall time, or wall time with each gap as long as a fiftieth of the rest.
class TimeAxis {
  constructor(skips) {
    const span = Math.max(timeline.end - timeline.begin, 1e-3);
    const idle = timeline.gaps.reduce((sum, [begin, end]) => sum + end - begin, 0);
    const short = Math.max((span - idle) / 50, 1e-3);
    this.pieces = [];  // [time, place] of every corner
    let place = 0, at = timeline.begin;
    this.pieces.push([at, 0]);
    for (const [begin, end] of skips ? timeline.gaps : []) {
      place += begin - at;
      this.pieces.push([begin, place]);
      place += Math.min(short, end - begin);
      this.pieces.push([end, place]);
      at = end;
    }
    this.length = place + Math.max(timeline.begin + span - at, 1e-3);
    this.pieces.push([timeline.begin + span, this.length]);
  }
  map(value, from, to) {
    const pieces = this.pieces;
    let low = 0, high = pieces.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (pieces[middle][from] <= value) low = middle; else high = middle;
    }
    const a = pieces[low], b = pieces[high];
    return b[from] === a[from] ? a[to] : a[to] + ((value - a[from]) / (b[from] - a[from])) * (b[to] - a[to]);
  }
  place(time) { return this.map(time, 0, 1); }
  time(place) { return this.map(place, 1, 0); }
}

const steps = [0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, 172800, 604800, 2592000];

// Ticks [place, text] between two places, about `wanted` of them, none inside a shortened gap.
function ticks(axis, from, to, wanted) {
  const step = steps.find((s) => s >= (to - from) / wanted) ?? steps[steps.length - 1];
  const offset = new Date(1000 * timeline.begin).getTimezoneOffset() * 60;
  const found = [];
  for (let piece = 0; piece + 1 < axis.pieces.length; ++piece) {
    const [begin, first] = axis.pieces[piece], [end, last] = axis.pieces[piece + 1];
    if (last - first < (end - begin) * 0.99) continue;
    const since = Math.max(begin, axis.time(Math.max(from, first)));
    const until = Math.min(end, axis.time(Math.min(to, last)));
    for (let t = Math.ceil((since - offset) / step) * step + offset; t <= until; t += step) {
      const place = axis.place(t);
      if (found.length && place - found[found.length - 1][0] < 0.6 * step) continue;
      found.push([place, step < 1 ? `${(t - timeline.begin).toFixed(step < 0.01 ? 3 : step < 0.1 ? 2 : 1)} s` : clock(t, step)]);
    }
  }
  return found;
}

const idle = timeline.gaps.reduce((sum, [begin, end]) => sum + end - begin, 0);
byId("skip-label").hidden = timeline.gaps.length === 0;
byId("skip-gaps").checked = idle > 0.4 * (timeline.end - timeline.begin);
let axis = new TimeAxis(byId("skip-gaps").checked);

// ---- progress

// The distance of about four grid lines up to n, whole.
function gridStep(n) {
  const power = 10 ** Math.floor(Math.log10(Math.max(n / 4, 1)));
  return [1, 2, 2.5, 5, 10].map((f) => f * power).find((step) => Number.isInteger(step) && step >= n / 5);
}

function renderProgress() {
  const box = byId("progress-chart");
  const {times, counts} = timeline.progress;
  const words = byId("progress-words");
  if (timeline.end <= timeline.begin) {
    words.textContent = "Nothing has run yet.";
    box.hidden = true;
    return;
  }
  words.textContent = `${duration(timeline.end - timeline.begin)} from the first item to the last` +
    (timeline.gaps.length ? `, ${duration(idle)} of it in ${plural(timeline.gaps.length, "gap")} where nothing ran` : "");
  const width = Math.max(box.clientWidth - 32, 200), height = 260;
  const left = 52, bottom = 24, top = 14;
  const right = width - 8, floor = height - bottom;
  const total = overview.counts.items;
  const done = counts.length ? counts[counts.length - 1] : 0;
  const most = done > 0.5 * total ? total : Math.max(done, 1);
  const step = gridStep(most);
  const scale = Math.ceil(most / step) * step;
  const x = (time) => left + (axis.place(time) / axis.length) * (right - left);
  const y = (n) => floor - (n / scale) * (floor - top);

  const svg = draw("svg", {viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": `${count(done)} of ${count(total)} items done over time`});
  svg.append(draw("defs", {}, draw("pattern", {id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"},
    draw("line", {class: "hatch", x1: 0, y1: 0, x2: 0, y2: 7}))));
  for (let n = 0; n <= scale; n += step) {
    svg.append(draw("line", {class: "grid", x1: left, x2: right, y1: y(n), y2: y(n)}),
      draw("text", {x: left - 8, y: y(n) + 4, "text-anchor": "end"}, count(n)));
  }
  for (const [begin, end] of timeline.gaps) {
    const gap = draw("rect", {class: "gap", x: x(begin), y: top, width: Math.max(x(end) - x(begin), 1), height: floor - top});
    svg.append(gap);
    if (x(end) - x(begin) > 90) svg.append(draw("text", {x: (x(begin) + x(end)) / 2, y: top + 14, "text-anchor": "middle"}, `nothing ran for ${duration(end - begin)}`));
  }
  let path = `M${x(timeline.begin)} ${y(0)}`, last = 0;
  times.forEach((time, i) => {
    path += `L${x(time).toFixed(2)} ${y(times.length > 400 ? counts[i] : last).toFixed(2)}L${x(time).toFixed(2)} ${y(counts[i]).toFixed(2)}`;
    last = counts[i];
  });
  path += `L${x(timeline.end)} ${y(last)}`;
  svg.append(draw("path", {class: "area", d: `${path}L${x(timeline.end)} ${floor}L${left} ${floor}Z`}));
  if (overview.epochs.length > 1) {
    let free = -1;
    for (const epoch of overview.epochs.filter((e) => e.begin)) {
      const at = x(epoch.begin);
      svg.append(draw("line", {class: "epoch", x1: at, x2: at, y1: top, y2: floor}));
      if (at < free) continue;
      svg.append(draw("text", {x: at + 5, y: floor - 7}, `start ${epoch.number}`));
      free = at + 52;
    }
  }
  svg.append(draw("path", {class: "curve", d: path}));
  for (const [place, text] of ticks(axis, 0, axis.length, width / 110)) {
    const at = left + (place / axis.length) * (right - left);
    if (at < right - 20) svg.append(draw("text", {x: at, y: height - 6, "text-anchor": "middle"}, text));
  }
  const cursor = draw("line", {class: "cursor", y1: top, y2: floor, visibility: "hidden"});
  svg.append(cursor);
  svg.addEventListener("pointermove", (event) => {
    const at = Math.min(Math.max(event.clientX - svg.getBoundingClientRect().left, left), right);
    const time = axis.time(((at - left) / (right - left)) * axis.length);
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle + 1; else high = middle;
    }
    const n = low ? counts[low - 1] : 0;
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.setAttribute("visibility", "visible");
    showTip(`${when(time)}\n${plural(n, "item")} done`, event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    hideTip();
  });
  box.replaceChildren(svg);
}

// ---- stages

const stageNames = {text: "Text", denoise: "Denoise", decode: "Decode", store: "Store", total: "Together"};

function renderStages(stages) {
  const select = byId("stages-class");
  select.parentElement.hidden = stages.classes.length < 2;
  select.replaceChildren(...stages.classes.map((one, i) => make("option", {value: i}, one.name)));
  const show = () => {
    const chosen = stages.classes[Number(select.value) || 0];
    if (!chosen) {
      byId("stages-words").textContent = "";
      byId("stages-chart").replaceChildren(make("p", {class: "muted"}, "No item is done yet."));
      return;
    }
    byId("stages-words").textContent = `${plural(chosen.items, "item")}` + (stages.items < stages.of ? `, evenly spread over the ${count(stages.of)} that are done` : "") + "; the bar spans the middle 80 %, the mark is the median";
    const scale = Math.max(...chosen.stages.map((stage) => stage.p90), 1e-9) * 1.02;
    const total = chosen.stages.find((stage) => stage.stage === "total");
    const rows = chosen.stages.map((stage) => {
      const range = make("i"), mark = make("b");
      range.style.left = `${(100 * stage.p10) / scale}%`;
      range.style.width = `${(100 * (stage.p90 - stage.p10)) / scale}%`;
      mark.style.left = `${(100 * stage.median) / scale}%`;
      return make("tr", {class: stage.stage === "total" ? "total" : undefined},
        cell(stageNames[stage.stage]),
        cell(make("div", {"aria-hidden": "true"}, range, mark), "spread"),
        cell(seconds(stage.median), "number"),
        cell(seconds(stage.p90), "number"),
        cell(seconds(stage.most), "number"),
        cell(total && total.mean > 0 ? `${Math.round((100 * stage.mean) / total.mean)} %` : "–", "number"));
    });
    const into = make("table");
    table(into, [["Stage"], [""], ["Median", "number"], ["90 % within", "number"], ["Longest", "number"], ["Share", "number"]], rows);
    byId("stages-chart").replaceChildren(make("div", {class: "stages scroll"}, into));
  };
  select.addEventListener("change", show);
  show();
}

// ---- groups

const spanKinds = ["done", "failed", "quarantined", "lost", "running"];
const spanWords = {done: "done", failed: "failed", quarantined: "quarantined", lost: "lost: its process ended first", running: "at work"};

class Lanes {
  constructor() {
    this.box = byId("lanes");
    this.room = byId("lanes-room");
    this.canvas = byId("lanes-canvas");
    this.lanes = timeline.lanes.map((lane) => this.unpack(lane));
    this.names = 86;
    this.share = 52;
    this.head = 26;
    this.view = [0, axis.length];
    const n = this.lanes.length;
    this.row = n <= 8 ? 26 : n <= 24 ? 20 : n <= 64 ? 14 : 10;
    this.box.addEventListener("scroll", () => this.draw());
    this.box.addEventListener("pointermove", (event) => this.hover(event));
    this.box.addEventListener("pointerleave", hideTip);
    this.box.addEventListener("pointerdown", (event) => this.grab(event));
    this.box.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(Math.exp(0.004 * event.deltaY), this.placeAt(event.clientX));
    }, {passive: false});
    this.box.addEventListener("keydown", (event) => this.key(event));
    byId("zoom-in").addEventListener("click", () => this.zoom(0.5));
    byId("zoom-out").addEventListener("click", () => this.zoom(2));
    byId("zoom-all").addEventListener("click", () => this.reset());
    this.words();
  }

  unpack(lane) {
    const spans = [];
    let begin = timeline.begin;
    for (let i = 0; i < lane.spans.length; i += 4) {
      const [wait, long, kind, items] = lane.spans.slice(i, i + 4);
      begin += wait / 1000;
      spans.push({begin, end: begin + long / 1000, kind: spanKinds[kind], items, id: lane.items[i / 4]});
    }
    return {...lane, spans};
  }

  words() {
    const groups = new Set(this.lanes.map((lane) => lane.group)).size;
    const [busy, held] = this.lanes.reduce(([b, h], lane) => [b + lane.busy, h + lane.end - lane.begin], [0, 0]);
    byId("groups-words").textContent = this.lanes.length === 0 ? "No group has worked yet." :
      `${plural(groups, "group")} in ${plural(overview.epochs.length, "start")}, busy ${Math.round((100 * busy) / Math.max(held, 1e-9))} % of the time between their first item and the end of the start`;
    this.box.hidden = this.lanes.length === 0;
    byId("zoom-all").parentElement.hidden = this.lanes.length === 0;
    const present = spanKinds.filter((kind) => this.lanes.some((lane) => lane.spans.some((span) => span.kind === kind)));
    byId("legend").replaceChildren(...present.map((kind) => make("li", {class: `mark ${kind}`}, spanWords[kind])));
    if (this.lanes.length) byId("legend").append(make("li", {}, "Drag to move, Ctrl and wheel to zoom"));
  }

  get left() { return this.names; }
  get right() { return this.box.clientWidth - this.share; }
  x(place) { return this.left + ((place - this.view[0]) / (this.view[1] - this.view[0])) * (this.right - this.left); }
  placeAt(clientX) {
    const at = clientX - this.box.getBoundingClientRect().left - this.left;
    return this.view[0] + (at / (this.right - this.left)) * (this.view[1] - this.view[0]);
  }

  reset() {
    this.view = [0, axis.length];
    this.draw();
  }
  zoom(factor, around = (this.view[0] + this.view[1]) / 2) {
    const length = Math.min(Math.max((this.view[1] - this.view[0]) * factor, axis.length / 1e5), axis.length);
    const share = (around - this.view[0]) / (this.view[1] - this.view[0]);
    this.moveTo(around - share * length, length);
  }
  moveTo(from, length = this.view[1] - this.view[0]) {
    from = Math.min(Math.max(from, 0), axis.length - length);
    this.view = [from, from + length];
    this.draw();
  }
  key(event) {
    const length = this.view[1] - this.view[0];
    const actions = {
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), "0": () => this.reset(),
      ArrowLeft: () => this.moveTo(this.view[0] - length / 8), ArrowRight: () => this.moveTo(this.view[0] + length / 8),
    };
    if (!actions[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    actions[event.key]();
  }
  grab(event) {
    if (event.button !== 0) return;
    const from = this.view[0], scale = (this.view[1] - this.view[0]) / (this.right - this.left), x = event.clientX;
    const move = (moved) => this.moveTo(from - (moved.clientX - x) * scale);
    const drop = () => {
      removeEventListener("pointermove", move);
      this.box.classList.remove("held");
    };
    this.box.classList.add("held");
    addEventListener("pointermove", move);
    addEventListener("pointerup", drop, {once: true});
    addEventListener("pointercancel", drop, {once: true});
  }

  hover(event) {
    if (this.box.classList.contains("held")) return hideTip();
    const y = event.clientY - this.box.getBoundingClientRect().top - this.head + this.box.scrollTop;
    const lane = this.lanes[Math.floor(y / this.row)];
    if (y < 0 || !lane) return hideTip();
    const head = `start ${lane.epoch}, group ${lane.group}`;
    const x = event.clientX - this.box.getBoundingClientRect().left;
    if (x < this.left || x > this.right) return showTip(`${head}\nbusy ${this.utilisation(lane)} of ${duration(lane.end - lane.begin)}`, event.clientX, event.clientY);
    const time = axis.time(this.placeAt(event.clientX));
    const slack = axis.time(this.placeAt(event.clientX + 2)) - time;
    const span = lane.spans.find((one) => one.begin - slack <= time && time <= one.end + slack);
    if (!span) return showTip(`${head}\nidle at ${when(time)}`, event.clientX, event.clientY);
    showTip(`${head}\n${span.items > 1 ? plural(span.items, "item") : span.id}: ${spanWords[span.kind]}\n${when(span.begin)}, ${seconds(span.end - span.begin)}`, event.clientX, event.clientY);
  }

  utilisation(lane) {
    const held = lane.end - lane.begin;
    return held > 0 ? `${Math.min(100, Math.round((100 * lane.busy) / held))} %` : "–";
  }

  draw() {
    if (this.lanes.length === 0) return;
    const width = this.box.clientWidth;
    const whole = this.head + this.lanes.length * this.row + 8;
    this.room.style.height = `${whole}px`;
    const height = Math.min(whole, parseFloat(getComputedStyle(this.box).maxHeight) || whole);
    const dots = devicePixelRatio || 1;
    this.canvas.width = Math.round(width * dots);
    this.canvas.height = Math.round(height * dots);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    context.scale(dots, dots);
    const colours = Object.fromEntries(["done", "failed", "quarantined", "lost", "line", "muted", "surface", "sunken", "ink"].map((name) => [name, tone(name)]));
    colours.running = tone("accent");
    context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    context.textBaseline = "middle";
    const scroll = this.box.scrollTop;
    const first = Math.max(0, Math.floor(scroll / this.row));
    const last = Math.min(this.lanes.length, Math.ceil((scroll + height - this.head) / this.row));
    const marks = ticks(axis, this.view[0], this.view[1], (this.right - this.left) / 110);
    context.fillStyle = colours.line;
    for (const [place] of marks) context.fillRect(this.x(place), this.head - 4, 1, height);
    for (let i = first; i < last; ++i) this.drawLane(context, colours, i, this.head + i * this.row - scroll);
    context.fillStyle = colours.surface;
    context.fillRect(0, 0, width, this.head - 2);
    context.fillStyle = colours.muted;
    context.textAlign = "center";
    for (const [place, text] of marks) {
      const at = this.x(place);
      if (at > this.left + 16 && at < this.right - 16) context.fillText(text, at, this.head / 2);
    }
    context.textAlign = "right";
    context.fillText("busy", width - 10, this.head / 2);
  }

  drawLane(context, colours, index, top) {
    const lane = this.lanes[index];
    const many = this.row < 12;
    const thick = this.row - (many ? 2 : this.row < 18 ? 3 : 6);
    context.fillStyle = colours.sunken;
    const clip = (place) => Math.min(Math.max(this.x(place), this.left), this.right);
    const from = clip(axis.place(lane.begin)), to = clip(axis.place(lane.end));
    if (to > from) context.fillRect(from, top, to - from, thick);
    const begin = axis.time(this.view[0]), end = axis.time(this.view[1]);
    const narrow = new Map();  // what items narrower than a pixel cover of each
    for (const span of lane.spans) {
      if (span.end < begin || span.begin > end) continue;
      const a = clip(axis.place(span.begin)), b = clip(axis.place(span.end)), wide = b - a;
      if (span.kind === "done" && wide < 1) {
        narrow.set(Math.floor(a), (narrow.get(Math.floor(a)) ?? 0) + wide);
        continue;
      }
      context.fillStyle = colours[span.kind];
      context.fillRect(a, top, wide > 4 ? wide - 1 : Math.max(wide, span.kind === "done" ? 1 : 2), thick);
    }
    context.fillStyle = colours.done;
    for (const [column, covered] of narrow) {
      context.globalAlpha = Math.min(Math.max(covered, 0.15), 1);
      context.fillRect(column, top, 1, thick);
    }
    context.globalAlpha = 1;
    if (many && index % 2 === 1 && (index === 0 || this.lanes[index - 1].epoch === lane.epoch)) return;
    context.fillStyle = colours.muted;
    context.textAlign = "left";
    context.fillText(overview.epochs.length > 1 ? `${lane.epoch} · group ${lane.group}` : `group ${lane.group}`, 12, top + thick / 2 + 0.5);
    context.textAlign = "right";
    context.fillText(this.utilisation(lane), this.box.clientWidth - 10, top + thick / 2 + 0.5);
  }
}

// ---- failures

function renderFailures() {
  const {rows, left_out} = overview.failures;
  const words = byId("failures-words"), box = byId("failures-box");
  if (rows.length === 0) {
    words.textContent = "None.";
    box.hidden = true;
    return;
  }
  byId("failures-filter").hidden = false;
  const entries = rows.map((row) => ({row, text: [row.id, row.class, row.state, row.reason].join("\n").toLowerCase()}));
  const search = byId("failures-search");
  const most = 500;
  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = entries.filter((entry) => entry.text.includes(wanted));
    words.textContent = (wanted ? `${count(found.length)} of ${count(rows.length)}` : plural(rows.length, "item")) +
      (left_out ? `; ${count(left_out)} more are left out (ditmill results ls shows all)` : "") +
      (found.length > most ? `; the first ${most} are shown` : "");
    table(byId("failures-table"), [["Item"], ["Class"], ["Attempts", "number"], ["When"], ["Reason"]],
      found.slice(0, most).map(({row}) => make("tr", {},
        cell(row.id, "nowrap"),
        cell(make("span", {class: `mark ${row.state}`}, row.class), "nowrap"),
        cell(count(row.attempts), "number"),
        cell(row.time ? when(row.time) : "–", "nowrap"),
        cell(row.reason, "words"))));
  };
  search.addEventListener("input", show);
  show();
}

// ---- clips

// The URL of an item's pictures: n frames side by side in one JPEG.
function pictureUrl(item) {
  const block = byId(`p${item.n}`);
  if (!block) return null;
  const text = atob(block.textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  return URL.createObjectURL(new Blob([bytes], {type: "image/jpeg"}));
}

// Makes an element play an item's pictures; returns what takes them away again.
function play(element, item) {
  const url = item.sprite ? pictureUrl(item) : null;
  if (!url) return () => {};
  const [width, , frames] = item.sprite;
  element.style.setProperty("--n", frames);
  element.style.setProperty("--seconds", `${Math.min(Math.max(item.frames / (item.fps || 16), 0.6), 8)}s`);
  element.style.backgroundImage = `url(${url})`;
  element.classList.toggle("moves", frames > 1);
  element.classList.toggle("coarse", width < 48);
  return () => {
    element.style.backgroundImage = "";
    element.classList.remove("moves");
    URL.revokeObjectURL(url);
  };
}

function fit(item, width, height) {
  const scale = Math.min(width / (item.width || 1), height / (item.height || 1));
  return [Math.max(1, Math.round((item.width || 1) * scale)), Math.max(1, Math.round((item.height || 1) * scale))];
}

// A grid that holds cards only for the rows near the window, whatever the number of items.
class Wall {
  constructor(items, open) {
    this.items = items;
    this.shown = items;
    this.open = open;
    this.box = byId("wall");
    this.cards = new Map();  // place in `shown` -> card
    this.active = 0;
    this.seen = new IntersectionObserver((entries) => entries.forEach((entry) => entry.target.look(entry.isIntersecting)), {rootMargin: "120px"});
    const ratios = items.slice(0, 500).map((item) => item.height / item.width || 1).sort((a, b) => a - b);
    this.ratio = Math.min(Math.max(ratios[Math.floor(ratios.length / 2)] ?? 0.6, 0.5), 1.25);
    addEventListener("scroll", () => this.refresh(), {passive: true});
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.layout();
  }

  layout() {
    const gap = 18, width = this.box.clientWidth;
    this.columns = Math.max(1, Math.floor((width + gap) / (188 + gap)));
    this.cell = [(width + gap) / this.columns, 0];
    this.size = [this.cell[0] - gap, Math.round((this.cell[0] - gap) * this.ratio)];
    this.cell[1] = this.size[1] + 66 + gap;
    this.box.style.height = `${Math.max(Math.ceil(this.shown.length / this.columns) * this.cell[1], 1)}px`;
    this.clear();
    this.refresh();
  }

  show(items) {
    this.shown = items;
    this.active = 0;
    this.layout();
  }

  clear() {
    for (const card of this.cards.values()) this.drop(card);
    this.cards.clear();
  }
  drop(card) {
    this.seen.unobserve(card);
    card.look(false);
    card.remove();
  }

  refresh() {
    const top = -this.box.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / this.cell[1]) - 1) * this.columns;
    const last = Math.min(this.shown.length, (Math.ceil((top + innerHeight) / this.cell[1]) + 1) * this.columns);
    for (const [at, card] of this.cards) {
      if ((at >= first && at < last) || card === document.activeElement) continue;
      this.drop(card);
      this.cards.delete(at);
    }
    for (let at = first; at < last; ++at) {
      if (!this.cards.has(at)) this.add(at);
    }
  }

  add(at) {
    const item = this.shown[at];
    const frame = make("span", {class: "frame"});
    frame.style.height = `${this.size[1]}px`;
    const clip = make("span", {class: "clip"});
    const [width, height] = fit(item, ...this.size);
    clip.style.width = `${width}px`;
    clip.style.height = `${height}px`;
    frame.append(item.sprite ? clip : make("span", {class: "none"}, item.note ? "cannot be read" : "no picture"));
    const card = make("button", {class: "card", type: "button", role: "listitem", "aria-posinset": at + 1, "aria-setsize": this.shown.length, tabindex: at === this.active ? 0 : -1, "data-id": item.id},
      frame,
      make("span", {class: "line"}, make("span", {title: item.id}, item.id), make("span", {}, item.seconds ? seconds(item.seconds) : "")),
      make("span", {class: "prompt", title: `seed ${item.seed}`}, item.prompt));
    card.setAttribute("aria-label", `${item.id}, seed ${item.seed}: ${item.prompt}`);
    let stop = null;
    card.look = (visible) => {
      if (visible && !stop) stop = play(clip, item);
      if (!visible && stop) {
        stop();
        stop = null;
      }
    };
    card.style.left = `${(at % this.columns) * this.cell[0]}px`;
    card.style.top = `${Math.floor(at / this.columns) * this.cell[1]}px`;
    card.style.width = `${this.size[0]}px`;
    card.addEventListener("click", () => {
      this.choose(at);
      this.open(at);
    });
    card.addEventListener("focus", () => this.choose(at));
    this.cards.set(at, card);
    this.box.append(card);
    this.seen.observe(card);
  }

  choose(at) {
    this.cards.get(this.active)?.setAttribute("tabindex", -1);
    this.active = at;
    this.cards.get(at)?.setAttribute("tabindex", 0);
  }

  focus(at) {
    const top = this.box.getBoundingClientRect().top + Math.floor(at / this.columns) * this.cell[1];
    if (top < 64 || top + this.cell[1] > innerHeight) scrollBy(0, top - (innerHeight - this.cell[1]) / 2);
    this.refresh();
    this.choose(at);
    this.cards.get(at)?.focus({preventScroll: true});
  }

  key(event) {
    const last = this.shown.length - 1;
    const to = {
      ArrowLeft: this.active - 1, ArrowRight: this.active + 1, ArrowUp: this.active - this.columns,
      ArrowDown: this.active + this.columns, Home: 0, End: last,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (to >= 0 && to <= last) this.focus(to);
  }
}

class Viewer {
  constructor(configs) {
    this.configs = configs;
    this.dialog = byId("viewer");
    this.stop = () => {};
    byId("viewer-close").addEventListener("click", () => this.dialog.close());
    byId("viewer-back").addEventListener("click", () => this.move(-1));
    byId("viewer-next").addEventListener("click", () => this.move(1));
    this.dialog.addEventListener("close", () => {
      this.stop();
      document.body.classList.remove("away");
      this.wall.focus(this.at);
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    this.dialog.addEventListener("keydown", (event) => {
      if (event.target.tagName === "PRE") return;
      if (event.key === "ArrowLeft") this.move(-1);
      if (event.key === "ArrowRight") this.move(1);
    });
  }

  open(at) {
    this.fill(at);
    document.body.classList.add("away");
    if (!this.dialog.open) this.dialog.showModal();
    this.place();
  }
  move(by) {
    if (this.wall.shown[this.at + by]) this.open(this.at + by);
  }

  fill(at) {
    const item = this.wall.shown[at];
    this.at = at;
    this.item = item;
    byId("viewer-back").disabled = at === 0;
    byId("viewer-next").disabled = at === this.wall.shown.length - 1;
    byId("viewer-id").textContent = item.id;
    byId("viewer-prompt").textContent = item.prompt;
    const spent = ["text", "denoise", "decode", "store"].filter((_, i) => item.stages[i]).map((name) => `${name} ${seconds(item.stages[["text", "denoise", "decode", "store"].indexOf(name)])}`);
    pairs(byId("viewer-facts"), [
      ["Seed", item.seed],
      ["Size", `${item.width} × ${item.height}, ${plural(item.frames, "frame")} at ${item.fps} a second`],
      ["Seconds", item.seconds ? `${seconds(item.seconds)}${spent.length ? ` (${spent.join(", ")})` : ""}` : undefined],
      ["Negative prompt", item.negative_prompt],
      ["Started", item.started ? when(Date.parse(item.started) / 1000) : undefined],
      ["Attempt", item.attempt],
      ["Metadata", item.metadata && item.metadata !== "{}" ? item.metadata : undefined],
      ["Part", item.part],
      ["Content", item.content],
      ["Note", item.note],
    ]);
    const request = {id: item.id, prompt: item.prompt, negative_prompt: item.negative_prompt, seed: item.seed, width: item.width, height: item.height, frames: item.frames, fps: item.fps};
    const config = item.config === null ? {layer3_request: request} : {...this.configs[item.config], layer3_request: request};
    // A seed can be too large for a number here, so it travels as text.
    byId("viewer-config").textContent = JSON.stringify(config, null, 2).replace(/"seed": "(\d+)"/, '"seed": $1');
    const quoted = `'${overview.run.replaceAll("'", "'\\''")}'`;
    byId("viewer-command").textContent = `ditmill results export ${quoted} --items ${item.id} --mp4 clips`;
    this.stop();
    const clip = byId("viewer-clip");
    clip.setAttribute("aria-label", item.sprite ? `${item.id} playing` : "no picture");
    this.stop = play(clip, item);
  }

  place() {
    const stage = this.dialog.querySelector(".stage");
    const [width, height] = fit(this.item, stage.clientWidth - 40, Math.max(260, Math.min(innerHeight - 120, 640)));
    const clip = byId("viewer-clip");
    clip.style.width = `${width}px`;
    clip.style.height = `${height}px`;
  }
}

function renderClips(items, configs, of, shrank) {
  const words = byId("clips-words");
  const viewer = new Viewer(configs);
  const wall = new Wall(items, (at) => viewer.open(at));
  viewer.wall = wall;
  const texts = items.map((item) => `${item.id}\n${item.prompt}`.toLowerCase());
  const search = byId("clips-search");
  let waiting = 0;
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    const found = wanted ? items.filter((_, i) => texts[i].includes(wanted)) : items;
    wall.show(found);
    words.textContent = of === 0 ? "No item is done yet." :
      (wanted ? `${count(found.length)} of ${plural(items.length, "clip")}` : plural(found.length, "clip")) +
      (items.length < of ? `, evenly spread over the ${count(of)} that are done; the others are left out to keep the page small` : "") +
      (shrank ? "; few or small frames of each, to keep the page small" : "");
  };
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 80);
  });
  const toggle = byId("play");
  toggle.checked = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const apply = () => wall.box.classList.toggle("playing", toggle.checked);
  toggle.addEventListener("change", apply);
  apply();
  filter();
  let width = wall.box.clientWidth;
  redraws.push(() => {
    if (wall.box.clientWidth === width) return;
    width = wall.box.clientWidth;
    wall.layout();
  });
}

// ---- all of it

renderHead();
renderFailures();
const lanes = new Lanes();
redraws.push(renderProgress, () => lanes.draw());
byId("skip-gaps").addEventListener("change", () => {
  axis = new TimeAxis(byId("skip-gaps").checked);
  renderProgress();
  lanes.reset();
});
redrawAll();

document.addEventListener("DOMContentLoaded", () => {
  const items = [], configs = [];
  for (const block of document.querySelectorAll("script.items")) {
    const part = JSON.parse(block.textContent);
    items.push(...part.items);
    configs.push(...part.configs);
    block.remove();
  }
  items.sort((a, b) => a.n - b.n);
  const end = JSON.parse(byId("end")?.textContent ?? '{"notes": ["The page is not whole: its end is missing."], "stages": {"classes": [], "items": 0, "of": 0}}');
  renderNotes(end.notes);
  renderStages(end.stages);
  renderClips(items, configs, overview.counts.done, end.shrank);
  document.documentElement.dataset.ready = "yes";
});
