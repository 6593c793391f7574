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
// What a clip began with; a file that is gone is its name alone.
function inputPictures(item) {
  return make("span", {class: "inputs"}, ...item.inputs.filter((input) => input.picture)
    .map((input) => make("img", {src: input.picture, alt: `${input.field}: ${input.path}`, title: `${input.field}: ${input.path}`})));
}

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
    if (item.inputs) frame.append(inputPictures(item));
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
      ...(item.inputs ?? []).map((input) => [input.field, input.path]),
    ]);
    byId("viewer-inputs").replaceChildren(...(item.inputs ? [inputPictures(item)] : []));
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
