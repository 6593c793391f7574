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
