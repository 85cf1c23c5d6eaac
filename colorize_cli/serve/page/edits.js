"use strict";
// What a person has said of one photo: points, strokes, sliders; every change can be undone.
class Edits {
  constructor(photo) {
    this.photo = photo;
    this.now = { points: photo.points, strokes: photo.strokes, vividness: photo.vividness, saturation: photo.saturation };
    this.saved = this.text();
    this.past = [];
    this.future = [];
    this.selected = null;
    this.lastKind = "";
  }
  text() { return JSON.stringify(this.now); }
  get unsaved() { return this.text() !== this.saved; }
  markSaved(text) { this.saved = text; }

  // A change; those of one `kind` that follow each other are undone at once.
  change(kind, make) {
    const before = this.text();
    const next = JSON.parse(before);
    make(next);
    if (JSON.stringify(next) === before) return false;
    if (!kind || kind !== this.lastKind) this.past.push(before);
    this.lastKind = kind;
    this.future = [];
    this.now = next;
    return true;
  }
  endOfChange() { this.lastKind = ""; }
  step(from, to) {
    if (!from.length) return false;
    to.push(this.text());
    this.now = JSON.parse(from.pop());
    this.lastKind = "";
    if (!this.chosen()) this.selected = null;
    return true;
  }
  undo() { return this.step(this.past, this.future); }
  redo() { return this.step(this.future, this.past); }

  chosen() {
    return this.selected && this.now[this.selected.list][this.selected.index] || null;
  }
  addPoint(x, y, color) {
    this.change("", next => next.points.push({ x, y, color }));
    this.selected = { list: "points", index: this.now.points.length - 1 };
  }
  addStroke(path, color, radius) {
    this.change("", next => next.strokes.push({ path, color, radius }));
    this.selected = { list: "strokes", index: this.now.strokes.length - 1 };
  }
  recolor(color, kind = "") {
    const at = this.selected;
    return at ? this.change(kind, next => { next[at.list][at.index].color = color; }) : false;
  }
  moveBy(dx, dy, kind) {
    const at = this.selected, { width, height } = this.photo;
    const into = (value, most) => Math.round(Math.min(most, Math.max(0, value)) * 10) / 10;
    return at ? this.change(kind, next => {
      const hint = next[at.list][at.index];
      if (hint.path) hint.path = hint.path.map(([x, y]) => [into(x + dx, width), into(y + dy, height)]);
      else { hint.x = into(hint.x + dx, width); hint.y = into(hint.y + dy, height); }
    }) : false;
  }
  remove() {
    const at = this.selected;
    if (!at) return false;
    this.selected = null;
    return this.change("", next => next[at.list].splice(at.index, 1));
  }
  all() {
    return [...this.now.points.map((hint, index) => ({ hint, list: "points", index })), ...this.now.strokes.map((hint, index) => ({ hint, list: "strokes", index }))];
  }
  isSelected(one) {
    return Boolean(this.selected) && this.selected.list === one.list && this.selected.index === one.index;
  }
  wish(more) {
    const { points, strokes, vividness, saturation } = this.now;
    return { points, strokes, vividness, saturation, ...more };
  }
}
