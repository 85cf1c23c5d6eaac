"use strict";
// The color of a hint: likely colors at its place, a free one, one from this or from another picture.
class Palette {
  // `act`: color(hex, kind), remove(), dropper(), done()
  constructor(stage, act) {
    Object.assign(this, { stage, act, shown: null, colors: [] });
    $("picker").addEventListener("input", () => act.color($("picker").value, "picker"));
    $("remove").addEventListener("click", () => act.remove());
    $("dropper").addEventListener("click", () => act.dropper());
    $("done").addEventListener("click", () => act.done());
    $("reference").addEventListener("click", () => this.openReference());
    $("reference-file").addEventListener("change", () => this.readFile());
    const canvas = $("reference-canvas");
    canvas.addEventListener("pointermove", event => this.sampleAt(event, false));
    canvas.addEventListener("pointerup", event => this.sampleAt(event, true));
    canvas.addEventListener("keydown", event => this.key(event));
  }
  // Show the colors for a hint at a place of the photo.
  open(hint, colors) {
    this.colors = colors;
    this.shown = hint;
    $("swatches").replaceChildren(...colors.map((one, i) => {
      const button = make("button");
      button.type = "button";
      button.setAttribute("role", "option");
      button.style.background = one.color;
      button.title = `${one.color}, ${Math.round(100 * one.share)} % likely` + (i < 9 ? ` (${i + 1})` : "");
      button.setAttribute("aria-label", button.title);
      button.addEventListener("click", () => this.act.color(one.color));
      return button;
    }));
    this.mark(hint.color);
    $("popover").hidden = false;
    this.follow();
  }
  mark(color) {
    [...$("swatches").children].forEach((button, i) => button.setAttribute("aria-selected", this.colors[i].color === color));
    $("picker").value = color;
  }
  close() { this.shown = null; $("popover").hidden = true; }
  // Stand beside the hint, within the stage.
  follow() {
    if (!this.shown) return;
    if (matchMedia("(max-width: 760px)").matches) { $("popover").style.left = $("popover").style.top = ""; return; }
    const hint = this.shown, [x, y] = hint.path ? hint.path[0] : [hint.x, hint.y];
    const at = this.stage.toScreen(x, y), box = $("popover"), { width, height } = this.stage;
    const right = at.x + 26 + box.offsetWidth < width, left = at.x - 26 - box.offsetWidth > 0;
    const across = right ? at.x + 26 : left ? at.x - 26 - box.offsetWidth : (width - box.offsetWidth) / 2;
    const down = right || left ? at.y - box.offsetHeight / 2 : at.y > height / 2 ? at.y - 26 - box.offsetHeight : at.y + 26;
    box.style.left = Math.max(6, Math.min(width - box.offsetWidth - 6, across)) + "px";
    box.style.top = Math.max(6, Math.min(height - box.offsetHeight - 6, down)) + "px";
  }
  choose(number) {
    if (this.shown && this.colors[number]) this.act.color(this.colors[number].color);
  }

  openReference() {
    const done = App.photos.filter(photo => photo.state === "colored" || photo.state === "copied").slice(0, 300);
    $("reference-list").replaceChildren(...done.map(photo => {
      const button = make("button"), image = make("img");
      button.type = "button";
      image.loading = "lazy";
      image.alt = button.title = photo.name;
      image.src = thumbnail(photo, true);
      button.append(image);
      button.addEventListener("click", () => this.show(image));
      return button;
    }));
    $("sample").style.background = "";
    $("reference-place").hidden = true;
    $("reference-dialog").showModal();
  }
  async readFile() {
    const file = $("reference-file").files[0];
    $("reference-file").value = "";
    if (!file) return;
    try {
      this.show(await pictureOf(file));  // it stays in the browser
    } catch {
      say(`${file.name} is no picture that this browser shows.`, true);
    }
  }
  show(image) {
    const canvas = $("reference-canvas"), scale = Math.min(1, 1600 / Math.max(image.naturalWidth, image.naturalHeight));
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    $("reference-place").hidden = false;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.context.drawImage(image, 0, 0, canvas.width, canvas.height);
    this.clean = this.context.getImageData(0, 0, canvas.width, canvas.height);
    this.cross = { x: canvas.width >> 1, y: canvas.height >> 1 };
    canvas.focus();
  }
  // The mean of the pixels around a place: film has grain.
  sample(x, y) {
    const { width, height, data } = this.clean, sum = [0, 0, 0];
    let count = 0;
    for (let j = Math.max(0, y - 2); j <= Math.min(height - 1, y + 2); j++) for (let i = Math.max(0, x - 2); i <= Math.min(width - 1, x + 2); i++, count++) {
      for (let c = 0; c < 3; c++) sum[c] += data[4 * (j * width + i) + c];
    }
    const color = "#" + sum.map(v => Math.round(v / Math.max(1, count)).toString(16).padStart(2, "0")).join("");
    $("sample").style.background = color;
    return color;
  }
  sampleAt(event, take) {
    if (!this.clean) return;
    const canvas = $("reference-canvas"), box = canvas.getBoundingClientRect();
    const into = (value, from, most, count) => Math.min(count - 1, Math.max(0, Math.floor((value - from) / most * count)));
    const color = this.sample(into(event.clientX, box.left, box.width, canvas.width), into(event.clientY, box.top, box.height, canvas.height));
    if (take) this.take(color);
  }
  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!this.clean || !step && event.key !== "Enter") return;
    event.preventDefault();
    const { width, height } = this.clean, far = event.shiftKey ? 1 : Math.max(1, Math.round(width / 60));
    if (step) this.cross = { x: Math.min(width - 1, Math.max(0, this.cross.x + far * step[0])), y: Math.min(height - 1, Math.max(0, this.cross.y + far * step[1])) };
    this.context.putImageData(this.clean, 0, 0);
    const color = this.sample(this.cross.x, this.cross.y);
    this.context.strokeStyle = "#fff";
    this.context.lineWidth = 3;
    this.context.strokeRect(this.cross.x - 8, this.cross.y - 8, 16, 16);
    this.context.strokeStyle = "#000";
    this.context.lineWidth = 1;
    this.context.strokeRect(this.cross.x - 8, this.cross.y - 8, 16, 16);
    if (event.key === "Enter") this.take(color);
  }
  take(color) {
    $("reference-dialog").close();
    this.act.color(color);
  }
}
