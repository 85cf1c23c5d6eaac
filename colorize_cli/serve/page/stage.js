"use strict";
// The photo, large: before and after, zoomed and moved, with tiles where the preview is too coarse, and its hints.
class Stage {
  constructor(canvas, onView) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.onView = onView;
    this.photo = null;
    this.pictures = { before: null, after: null };
    this.look = "";
    this.tiles = new Map();
    this.loading = 0;
    this.at = 0.5;
    this.view = { scale: 1, x: 0, y: 0 };
    this.cross = null;
    this.draft = null;
    this.edits = null;
    this.waiting = false;
    new ResizeObserver(() => this.resize()).observe(canvas);
  }
  get width() { return this.canvas.clientWidth; }
  get height() { return this.canvas.clientHeight; }
  get fitScale() { return Math.min(this.width / this.photo.width, this.height / this.photo.height) || 1; }

  open(photo, edits) {
    this.photo = photo;
    this.edits = edits;
    this.pictures = { before: null, after: null };
    this.look = "";
    this.tiles.clear();
    this.cross = this.draft = null;
    this.at = photo.takesColor ? 0.5 : 0;
    this.fit();
  }
  close() { this.photo = null; this.tiles.clear(); this.pictures = { before: null, after: null }; }
  show(kind, picture, look = "") {
    this.pictures[kind] = picture;
    if (kind === "after") {
      this.look = look;
      for (const key of this.tiles.keys()) if (!key.startsWith("before/")) this.tiles.delete(key);
      this.canvas.dataset.look = look;
      this.canvas.dataset.shown = Number(this.canvas.dataset.shown || 0) + 1;
    }
    this.redraw();
  }
  resize() {
    const ratio = window.devicePixelRatio || 1, width = Math.round(this.width * ratio), height = Math.round(this.height * ratio);
    if (!width || !height || width === this.canvas.width && height === this.canvas.height) return;
    const fitted = !this.photo || this.fitted;
    this.canvas.width = width;
    this.canvas.height = height;
    if (this.photo && fitted) this.fit(); else this.redraw();
  }
  fit() {
    const scale = this.fitScale, { width, height } = this.photo;
    this.view = { scale, x: (this.width - width * scale) / 2, y: (this.height - height * scale) / 2 };
    this.fitted = true;
    this.redraw();
  }
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const { view } = this, most = Math.max(8, 4 * this.fitScale);
    const scale = Math.min(most, Math.max(this.fitScale * 0.8, view.scale * factor));
    this.view = { scale, x: x - (x - view.x) * scale / view.scale, y: y - (y - view.y) * scale / view.scale };
    this.fitted = false;
    this.hold();
  }
  pan(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.fitted = false;
    this.hold();
  }
  hold() {  // some of the photo stays in sight
    const { view, photo } = this, margin = 60;
    view.x = Math.min(this.width - margin, Math.max(margin - photo.width * view.scale, view.x));
    view.y = Math.min(this.height - margin, Math.max(margin - photo.height * view.scale, view.y));
    this.redraw();
  }
  toPhoto(x, y) { return { x: (x - this.view.x) / this.view.scale, y: (y - this.view.y) / this.view.scale }; }
  toScreen(x, y) { return { x: this.view.x + x * this.view.scale, y: this.view.y + y * this.view.scale }; }
  isInside({ x, y }) { return x >= 0 && y >= 0 && x <= this.photo.width && y <= this.photo.height; }

  // The color that is shown at a place of the photo, with hints, as #rrggbb.
  colorAt(x, y) {
    const picture = this.pictures.after || this.pictures.before;
    if (!picture) return "#808080";
    const small = document.createElement("canvas");
    small.width = small.height = 1;
    const context = small.getContext("2d");
    const px = Math.min(picture.naturalWidth - 1, Math.floor(x / this.photo.width * picture.naturalWidth));
    const py = Math.min(picture.naturalHeight - 1, Math.floor(y / this.photo.height * picture.naturalHeight));
    context.drawImage(picture, px, py, 1, 1, 0, 0, 1, 1);
    return "#" + [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v.toString(16).padStart(2, "0")).join("");
  }
  // The topmost hint near a place of the canvas.
  hit(x, y, reach) {
    const near = ([ax, ay], [bx, by]) => {
      const a = this.toScreen(ax, ay), b = this.toScreen(bx, by), dx = b.x - a.x, dy = b.y - a.y;
      const t = Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1)));
      return Math.hypot(x - a.x - t * dx, y - a.y - t * dy);
    };
    const found = this.edits.all().map(one => {
      const path = one.hint.path || [[one.hint.x, one.hint.y]];
      const away = Math.min(...path.map((place, i) => near(place, path[Math.min(i + 1, path.length - 1)])));
      return { one, away: away - (one.hint.path ? 0 : 4) };  // a point on a stroke can be taken
    }).filter(found => found.away <= reach);
    return found.length ? found.reduce((a, b) => b.away <= a.away ? b : a).one : null;
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }
  draw() {
    const { context, photo, view } = this;
    if (!photo || !this.width) return;
    const ratio = this.canvas.width / this.width, edge = this.at * this.width;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    this.layer("after", this.look, edge, this.width);
    this.layer("before", "before", 0, edge);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const one of this.edits.all()) this.drawHint(one.hint, this.edits.isSelected(one));
    if (this.draft) this.drawHint(this.draft, true);
    if (this.cross) this.drawCross(this.toScreen(this.cross.x, this.cross.y));
    this.onView(view.scale);
  }
  layer(kind, look, left, right) {
    const { context, photo, view } = this, picture = this.pictures[kind] || this.pictures.before;
    if (!picture || right <= left) return;
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, this.height);
    context.clip();
    context.imageSmoothingEnabled = view.scale * (window.devicePixelRatio || 1) < 3;
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, view.x, view.y, photo.width * view.scale, photo.height * view.scale);
    if (look && this.pictures[kind]) this.drawTiles(look, picture, left, right);
    context.restore();
  }
  drawTiles(look, picture, left, right) {
    const { photo, view, context } = this, wanted = view.scale * (window.devicePixelRatio || 1);
    if (picture.naturalWidth / photo.width >= Math.min(1, wanted) * 0.95) return;  // the preview is fine enough
    const level = Math.min(photo.levels - 1, Math.max(0, Math.floor(Math.log2(1 / wanted) + 0.25)));
    const width = Math.max(1, photo.width >> level), height = Math.max(1, photo.height >> level), side = photo.tile;
    const across = photo.width / width * view.scale, down = photo.height / height * view.scale;
    const place = (value, step, most) => Math.min(most, Math.max(0, Math.floor(value / (step * side))));
    const last = [Math.ceil(width / side) - 1, Math.ceil(height / side) - 1];
    for (let row = place(-view.y, down, last[1]); row <= place(this.height - view.y, down, last[1]); row++) {
      for (let column = place(left - view.x, across, last[0]); column <= place(right - view.x, across, last[0]); column++) {
        const image = this.tileOf(look, level, column, row);
        if (!image) continue;
        const x = view.x + column * side * across, y = view.y + row * side * down;
        context.drawImage(image, x, y, image.naturalWidth * across + 0.4, image.naturalHeight * down + 0.4);
      }
    }
  }
  tileOf(look, level, column, row) {
    const key = `${look}/${level}/${column}/${row}`, known = this.tiles.get(key);
    if (known) {
      this.tiles.delete(key);
      this.tiles.set(key, known);
      return known.ready ? known.image : null;
    }
    if (this.loading >= 4) return null;
    const tile = { image: new Image(), ready: false };
    this.tiles.set(key, tile);
    this.loading++;
    const done = ready => { tile.ready = ready; this.loading--; this.redraw(); };
    tile.image.onload = () => done(true);
    tile.image.onerror = () => done(false);
    tile.image.src = `photos/${this.photo.id}/tiles/${key}`;
    if (this.tiles.size > 240) this.tiles.delete(this.tiles.keys().next().value);
    return null;
  }
  drawHint(hint, selected) {
    const { context } = this, ring = (width, color) => { context.lineWidth = width; context.strokeStyle = color; context.stroke(); };
    context.lineCap = context.lineJoin = "round";
    if (!hint.path) {
      const { x, y } = this.toScreen(hint.x, hint.y);
      context.beginPath();
      context.arc(x, y, selected ? 11 : 8, 0, 7);
      context.fillStyle = hint.color;
      ring(5, "#000a");
      context.fill();
      ring(2.5, "#fff");
      return;
    }
    const path = hint.path.map(([x, y]) => this.toScreen(x, y));
    context.beginPath();
    path.forEach(({ x, y }, i) => i ? context.lineTo(x, y) : context.moveTo(x, y));
    if (path.length === 1) context.lineTo(path[0].x + 0.1, path[0].y);
    if (selected) {
      context.globalAlpha = 0.55;
      ring(Math.max(4, 2 * (hint.radius || 0) * this.view.scale), hint.color);
      context.globalAlpha = 1;
    }
    ring(7, "#0008");
    ring(5, "#fff");
    ring(3, hint.color);
  }
  drawCross({ x, y }) {
    const { context } = this;
    for (const [width, color] of [[4, "#000a"], [1.5, "#fff"]]) {
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { context.moveTo(x + 5 * dx, y + 5 * dy); context.lineTo(x + 16 * dx, y + 16 * dy); }
      context.lineWidth = width;
      context.strokeStyle = color;
      context.stroke();
    }
  }
}
