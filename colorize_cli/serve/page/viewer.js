"use strict";
// One photo, open: what is changed is shown at once, then finely; Save writes it.
const Viewer = {
  photo: null, edits: null, tool: "point", drafts: new Map(), wanted: null, running: false, saving: false, opening: 0,

  setUp() {
    this.stage = new Stage($("canvas"), scale => this.onView(scale));
    this.divide = divide(this.stage, at => {
      document.querySelector(".side.left").hidden = at < 0.08;
      document.querySelector(".side.right").hidden = at > 0.92;
    });
    this.palette = new Palette(this.stage, {
      color: (color, kind) => { if (this.edits.recolor(color, kind)) this.changed(); },
      remove: () => this.remove(),
      done: () => { this.select(null); $("stage").focus({ preventScroll: true }); },
      dropper: () => this.use("dropper"),
    });
    this.gestures = new Gestures(this.stage, {
      tool: () => this.tool,
      tap: (place, drop) => drop ? this.drop(place) : this.addPoint(place),
      outside: () => this.select(null),
      grab: one => { this.palette.close(); this.edits.selected = { list: one.list, index: one.index }; this.edits.endOfChange(); this.panel(); },
      drag: (dx, dy) => { if (this.edits.moveBy(dx, dy, "drag")) this.changed(); },
      release: () => { this.edits.endOfChange(); this.select(this.edits.selected); },
      strokeFrom: place => this.strokeFrom(place),
      strokeTo: place => this.strokeTo(place),
      strokeEnd: keep => this.strokeEnd(keep),
    });
    for (const tool of ["point", "brush", "pan"]) $("tool-" + tool).addEventListener("click", () => this.use(tool));
    for (const name of ["vividness", "saturation"]) {
      $(name).addEventListener("input", () => { if (this.edits.change(name, next => { next[name] = Number($(name).value); })) this.changed(); });
      $(name).addEventListener("change", () => this.edits.endOfChange());
    }
    $("brush").addEventListener("input", () => this.panel());
    const clicks = {
      undo: () => this.undo(), redo: () => this.redo(), save: () => this.save(), back: () => { location.hash = ""; },
      previous: () => this.step(-1), next: () => this.step(1), variants: () => this.variants(App.about.seed),
      "more-variants": () => this.variants(this.seed + 1), "zoom-in": () => this.stage.zoom(1.4), "zoom-out": () => this.stage.zoom(1 / 1.4),
      "zoom-fit": () => this.stage.fit(), help: () => $("help-dialog").showModal(),
      reset: () => { if (this.edits.change("", next => { next.vividness = null; next.saturation = App.about.saturation; })) this.changed(); },
    };
    for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
    for (const button of document.querySelectorAll("dialog .close")) button.addEventListener("click", () => button.closest("dialog").close());
    window.addEventListener("beforeunload", event => { if (this.unsaved().length) event.preventDefault(); });
  },
  unsaved() { return [...this.drafts.values()].filter(edits => edits.unsaved); },
  get isOpen() { return Boolean(this.photo); },

  async open(id) {
    const opening = ++this.opening, known = App.photos[id];
    this.close();
    $("overview").hidden = true;
    $("viewer").hidden = false;
    this.wait("Opening…");
    $("title").textContent = known ? known.name : "";
    $("facts").textContent = "";
    try {
      const photo = await askJson(`photos/${id}`);
      if (opening !== this.opening) return;
      this.start(photo);
      const side = this.side();
      const before = await pictureOf(await (await ask(`photos/${id}/before?side=${side}`)).blob());
      if (opening === this.opening) this.stage.show("before", before);
      this.wait(photo.takesColor ? "" : "This photo has color of its own, which stays.");
    } catch (error) {
      if (opening !== this.opening || error.name === "AbortError") return;
      this.wait(error.message);
    }
  },
  start(photo) {
    const draft = this.drafts.get(photo.id);
    if (photo.saturation === null) photo.saturation = App.about.saturation;
    if (photo.vividness === App.about.vividness) photo.vividness = null;
    this.photo = photo;
    this.edits = draft && (draft.unsaved || draft.past.length) ? draft : new Edits(photo);
    this.drafts.set(photo.id, this.edits);
    this.stage.open(photo, this.edits);
    this.divide(this.stage.at);
    $("title").textContent = photo.name;
    $("vividness-row").hidden = App.about.vividness === null;
    $("variants").hidden = !App.about.chances;
    $("notes").replaceChildren(...photo.notes.map(note => make("li", "", note)));
    for (const id of ["save", "vividness", "saturation", "reset", "variants", "tool-point", "tool-brush"]) $(id).disabled = !photo.takesColor;
    $("stage").focus({ preventScroll: true });
    this.use("point");
    this.told();
    if (photo.takesColor) this.want();
    this.panel();
  },
  close() {
    this.photo = this.edits = this.wanted = null;
    this.palette.close();
    this.stage.close();
    for (const open of document.querySelectorAll("dialog[open]")) open.close();
  },
  wait(text) { $("wait").hidden = !text; $("wait").textContent = text; },
  side() { return Math.round(Math.min(2048, Math.max(512, Math.max(this.stage.width, this.stage.height) * (window.devicePixelRatio || 1)))); },

  // What is wanted last is shown: a first look at once, a fine one when nothing more comes.
  want() {
    this.wanted = { id: this.photo.id, edits: this.edits };
    if (!this.running) this.work();
  },
  async work() {
    this.running = true;
    while (this.wanted) {
      const { id, edits } = this.wanted, show = async wish => {
        const answer = await ask(`photos/${id}/preview`, { method: "POST", body: JSON.stringify(wish) });
        const picture = await pictureOf(await answer.blob());
        if (this.photo && this.photo.id === id) this.stage.show("after", picture, answer.headers.get("x-look") || "");
      };
      this.wanted = null;
      try {
        await show(edits.wish({ side: 512, quick: true }));
        if (!this.wanted) await new Promise(done => setTimeout(done, 250));
        if (!this.wanted && this.photo) await show(edits.wish({ side: this.side() }));
        if (this.photo && this.photo.id === id && this.stage.pictures.before) this.wait("");
        if (!this.wanted && this.photo) await this.likely(this.photo.width / 2, this.photo.height / 2);  // so that the first click is quick, too
      } catch (error) {
        if (this.photo && this.photo.id === id) say(error.message, true);
      }
    }
    this.running = false;
  },

  changed() {
    this.want();
    this.panel();
    this.stage.redraw();
    const hint = this.edits.chosen();
    if (this.palette.shown && hint) { this.palette.shown = hint; this.palette.mark(hint.color); this.palette.follow(); } else if (!hint) this.palette.close();
  },
  async likely(x, y) {
    if (!App.about.chances) return [];
    try {
      return await askJson(`photos/${this.photo.id}/likely?x=${x / this.photo.width}&y=${y / this.photo.height}`);
    } catch {
      return [];
    }
  },
  async addPoint(place) {
    const photo = this.photo, colors = await this.likely(place.x, place.y);
    if (this.photo !== photo) return;
    const x = Math.round(place.x * 10) / 10, y = Math.round(place.y * 10) / 10;
    this.edits.addPoint(x, y, colors.length ? colors[0].color : this.stage.colorAt(x, y));
    const left = this.stage.toScreen(x, y).x / this.stage.width;
    if (left < this.stage.at + 0.03) this.divide(Math.max(0, left - 0.08));  // what is colored is seen
    this.changed();
    this.palette.open(this.edits.chosen(), colors);
  },
  async select(selected) {
    this.edits.selected = selected;
    this.palette.close();
    this.panel();
    this.stage.redraw();
    const hint = this.edits.chosen();
    if (!hint) return;
    const [x, y] = hint.path ? hint.path[0] : [hint.x, hint.y], colors = await this.likely(x, y);
    if (this.edits && this.edits.chosen() === hint) this.palette.open(hint, colors);
  },
  remove() { if (this.edits.remove()) { this.palette.close(); this.changed(); } },
  undo() { if (this.edits.undo()) this.changed(); },
  redo() { if (this.edits.redo()) this.changed(); },
  drop({ x, y }) {
    const color = this.stage.colorAt(x, y);
    this.use("point");
    if (this.edits.recolor(color)) this.changed();
  },
  brushRadius() { return Math.max(1, Number($("brush").value) / 1000 * Math.min(this.photo.width, this.photo.height)); },
  strokeFrom({ x, y }) {
    this.palette.close();
    this.stage.draft = { path: [[x, y]], color: this.brushColor || this.stage.colorAt(x, y), radius: Math.round(this.brushRadius() * 10) / 10 };
    this.stage.redraw();
  },
  strokeTo({ x, y }) {
    const path = this.stage.draft.path, [lastX, lastY] = path[path.length - 1], { width, height } = this.photo;
    if (Math.hypot(x - lastX, y - lastY) * this.stage.view.scale < 4 || path.length > 2000) return;
    path.push([Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))]);
    this.stage.redraw();
  },
  async strokeEnd(keep) {
    const draft = this.stage.draft, photo = this.photo;
    this.stage.draft = null;
    this.stage.redraw();
    if (!keep || !draft) return;
    const round = value => Math.round(value * 10) / 10, [x, y] = draft.path[0], colors = await this.likely(x, y);
    if (this.photo !== photo) return;
    this.edits.addStroke(draft.path.map(([a, b]) => [round(a), round(b)]), colors.length ? colors[0].color : draft.color, draft.radius);
    const left = this.stage.toScreen(x, y).x / this.stage.width;
    if (left < this.stage.at + 0.03) this.divide(Math.max(0, left - 0.08));
    this.changed();
    this.palette.open(this.edits.chosen(), colors);
  },

  use(tool) {
    this.tool = this.photo && !this.photo.takesColor ? "pan" : tool;
    $("stage").className = this.tool;
    $("brush-row").hidden = this.tool !== "brush";
    for (const name of ["point", "brush", "pan"]) $("tool-" + name).setAttribute("aria-pressed", this.tool === name);
    $("advice").textContent = {
      point: "Click a place, then choose its color. Drag a hint to move it.", brush: "Paint over what has one color.",
      pan: "Drag to move, wheel or two fingers to zoom.", dropper: "Click a place of this photo to take its color.",
    }[this.tool];
  },
  panel() {
    if (!this.edits) return;
    const { now, past, future } = this.edits, vividness = now.vividness === null ? App.about.vividness : now.vividness;
    $("vividness").value = vividness;
    $("vividness-value").textContent = vividness === null ? "" : vividness.toFixed(2);
    $("saturation").value = now.saturation;
    $("saturation-value").textContent = now.saturation.toFixed(2);
    $("brush-value").textContent = Math.round(2 * this.brushRadius()) + " px";
    $("undo").disabled = !past.length;
    $("redo").disabled = !future.length;
    const all = this.edits.all();
    $("count").textContent = all.length || "none";
    $("hints").replaceChildren(...all.map(one => {
      const button = make("button", one.hint.path ? "stroke" : "");
      button.type = "button";
      button.style.background = one.hint.color;
      button.setAttribute("aria-pressed", this.edits.isSelected(one));
      button.setAttribute("aria-label", (one.hint.path ? "Stroke " : "Hint ") + (one.index + 1) + ", " + one.hint.color);
      button.addEventListener("click", () => this.select({ list: one.list, index: one.index }));
      return button;
    }));
    this.told();
  },
  told() {
    const known = App.photos[this.photo.id] || this.photo, facts = [`${this.photo.width} × ${this.photo.height}`, known.state, known.reason];
    if (this.photo.pages > 1) facts.push(`${this.photo.pages} pages; hints are for the first`);
    if (this.edits.unsaved) facts.push("not saved");
    $("facts").textContent = facts.filter(Boolean).join(" · ");
    $("save").textContent = this.saving ? "Saving…" : "Save";
    $("save").disabled = this.saving || !this.photo.takesColor;
    $("result").hidden = known.state !== "colored" && known.state !== "copied";
    $("result").href = `photos/${this.photo.id}/result`;
  },
  onView(scale) {
    $("zoom").textContent = Math.round(scale * 100) + " %";
    this.palette.follow();
  },
  async save() {
    if (!this.edits || this.saving || !this.photo.takesColor) return;
    const { edits, photo } = this, text = edits.text();
    this.saving = true;
    this.told();
    try {
      const saved = await (await post(`photos/${photo.id}/save`, edits.wish())).json();
      edits.markSaved(text);
      say(`Saved ${saved.name}`);
    } catch (error) {
      say(error.message, true);
    }
    this.saving = false;
    await App.refresh().catch(() => {});
    if (this.photo) this.told();
  },
  step(by) {
    const order = App.shown.map(photo => photo.id), at = order.indexOf(this.photo ? this.photo.id : App.openId);
    const next = order[at + by];
    if (next === undefined) say(by > 0 ? "This is the last photo." : "This is the first photo."); else location.hash = `photo/${next}`;
  },
  async variants(seed) {
    this.seed = seed;
    const photo = this.photo, list = $("variants-list");
    list.replaceChildren(make("p", "", "Coloring…"));
    if (!$("variants-dialog").open) $("variants-dialog").showModal();
    try {
      const found = await (await post(`photos/${photo.id}/proposals`, this.edits.wish({ side: 512, quick: true, count: 4, seed }))).json();
      if (this.photo !== photo) return;
      list.replaceChildren(...found.map((one, i) => {
        const button = make("button"), image = make("img");
        button.type = "button";
        image.src = one.picture;
        image.alt = `Variant ${i + 1}`;
        button.append(image, make("span", "", i ? `Variant ${i + 1}` : "As it is"));
        button.addEventListener("click", () => {
          $("variants-dialog").close();
          if (this.edits.change("", next => { next.points = one.points; })) this.changed();
        });
        return button;
      }));
    } catch (error) {
      list.replaceChildren(make("p", "", error.message));
    }
  },
};
