"use strict";
// All photos with their states; what happens on the server is asked for again and again.
const thumbnail = (photo, result) => `photos/${photo.id}/thumbnail?v=${photo.version}` + (result ? "&of=result" : "");

const App = {
  photos: [], shown: [], about: null, change: -1, openId: null, timer: 0, batch: {}, looking: false,

  async start() {
    Viewer.setUp();
    this.about = await askJson("about");
    $("folder").textContent = this.about.folder;
    document.title = `${this.about.folder} – colorize`;
    $("about").textContent = `${this.about.model}; results go to ${this.about.out}`;
    $("upload-label").hidden = !this.about.uploads;
    this.grid = new Pages.Grid($("grid"), index => this.card(index), 240, 14, 46);
    for (const [id, kind] of [["find", "input"], ["state", "change"]]) $(id).addEventListener(kind, () => this.select());
    $("rescan").addEventListener("click", () => this.act(async () => { await post("rescan"); await this.refresh(); }));
    $("all").addEventListener("click", () => this.act(async () => { await post(this.batch.running ? "stop" : "color-all"); await this.refresh(); }));
    $("upload").addEventListener("change", () => this.upload([...$("upload").files]));
    $("upload-label").addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); $("upload").click(); } });
    window.addEventListener("hashchange", () => this.route());
    document.addEventListener("keydown", event => this.key(event));
    await this.refresh();
    this.route();
    this.again();
  },
  async act(work) {
    try { await work(); } catch (error) { say(error.message, true); }
  },
  again() {
    clearTimeout(this.timer);
    const soon = this.batch.running || this.looking;
    this.timer = setTimeout(async () => {
      if (!document.hidden) await this.refresh().catch(() => {});
      this.again();
    }, soon ? 800 : 4000);
  },
  async refresh() {
    const said = await askJson(`changes?since=${this.change}`);
    this.change = said.change;
    Object.assign(this, { batch: said.batch, looking: said.looking });
    let fresh = false;
    for (const photo of said.photos) {
      fresh = fresh || !this.photos[photo.id] || Boolean($("state").value) && this.photos[photo.id].state !== photo.state;
      this.photos[photo.id] = photo;
    }
    if (fresh) this.select(); else for (const photo of said.photos) this.grid.renew(this.shown.findIndex(one => one.id === photo.id));
    this.tell(said.trouble || said.batch.reason);
    if (Viewer.isOpen) Viewer.told();
  },
  tell(trouble) {
    const waiting = this.photos.filter(photo => photo.state === "to do").length, { running, done, total } = this.batch;
    $("all").textContent = running ? "Stop" : `Color all (${waiting.toLocaleString()})`;
    $("all").disabled = !running && (!waiting || this.looking);
    $("progress").hidden = !running && !this.looking && !trouble;
    $("meter").hidden = !running && !this.looking;
    if (running) { $("meter").max = total; $("meter").value = done; } else $("meter").removeAttribute("value");
    $("progress-text").textContent = running ? `${done} of ${total}` : this.looking ? "Looking at earlier results…" : trouble || "";
    this.states();
  },
  states() {
    const counts = new Map();
    for (const photo of this.photos) counts.set(photo.state, (counts.get(photo.state) || 0) + 1);
    const before = $("state").value, options = [new Option(`all (${this.photos.length.toLocaleString()})`, "")];
    for (const [state, count] of [...counts].sort()) options.push(new Option(`${state} (${count.toLocaleString()})`, state));
    if (before && !counts.has(before)) options.push(new Option(`${before} (0)`, before));
    const text = options.map(option => option.text).join("\n");
    if (text === this.optionText) return;
    this.optionText = text;
    $("state").replaceChildren(...options);
    $("state").value = before;
  },
  select() {
    const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean), state = $("state").value;
    this.shown = this.photos.filter(photo => (!state || photo.state === state)
      && words.every(word => [photo.name, photo.reason, ...photo.notes].join(" ").toLowerCase().includes(word)));
    this.shown.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    $("empty").hidden = Boolean(this.shown.length);
    this.grid.show(this.shown.length);
  },
  card(index) {
    const photo = this.shown[index], kind = { "to do": "", "at work": "working" }[photo.state] ?? photo.state;
    const node = make("button", "card " + kind), stack = make("div", "stack"), draft = Viewer.drafts.get(photo.id);
    node.type = "button";
    if (draft && draft.unsaved) node.classList.add("unsaved");
    const result = photo.state === "colored" || photo.state === "copied";
    const pictures = result ? [["after", thumbnail(photo, true)], ["before", thumbnail(photo)]] : [["after", thumbnail(photo)]];
    Pages.fill(stack, photo.name, photo.state === "failed" ? [] : pictures, photo.reason || photo.state);
    for (const image of stack.querySelectorAll("img")) image.addEventListener("error", () => image.remove());
    if (result) { stack.style.setProperty("--at", "0%"); Pages.compare(stack); stack.addEventListener("pointerleave", () => stack.style.setProperty("--at", "0%")); }
    node.append(stack, make("div", "name", photo.name), make("div", "state", photo.reason ? `${photo.state}: ${photo.reason}` : photo.state));
    node.title = [photo.name, photo.reason, ...photo.notes].filter(Boolean).join("\n");
    node.addEventListener("click", () => { this.grid.current = index; location.hash = `photo/${photo.id}`; });
    return node;
  },
  route() {
    const found = /^#photo\/(\d+)$/.exec(location.hash);
    this.openId = found ? Number(found[1]) : null;
    if (found) { this.wasOpen = true; return Viewer.open(this.openId); }
    Viewer.opening++;
    Viewer.close();
    $("viewer").hidden = true;
    $("overview").hidden = false;
    this.select();
    if (this.shown.length && this.wasOpen) this.grid.focus(this.grid.current);
    this.wasOpen = false;
  },
  key(event) {
    if (this.openId !== null) return viewerKey(event);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = document.activeElement;
    if (event.key === "/" && at !== $("find")) { event.preventDefault(); return $("find").focus(); }
    if (at === $("find") && event.key !== "ArrowDown" || at && at.tagName === "SELECT") return;
    if (this.grid.key(event.key)) event.preventDefault();
  },
  async upload(files) {
    $("upload").value = "";
    for (const file of files) {
      await this.act(async () => {
        if (file.size > this.about.maxUpload) throw new Error(`${file.name} is larger than ${Math.round(this.about.maxUpload / 1048576)} MB.`);
        const answer = await ask(`upload?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
        say(`Took ${(await answer.json()).name}`);
      });
    }
    await this.act(() => this.refresh());
  },
};
App.start().catch(error => say(error.message, true));
