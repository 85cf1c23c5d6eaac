"use strict";
// Mouse, fingers and pens on the stage: taps, hints that are dragged, strokes, moving and zooming.
class Gestures {
  // `act` says which tool is at hand, and does what comes of a gesture.
  constructor(stage, act) {
    this.stage = stage;
    this.act = act;
    this.pointers = new Map();
    this.mode = "";
    const canvas = stage.canvas;
    canvas.addEventListener("pointerdown", event => this.down(event));
    canvas.addEventListener("pointermove", event => this.move(event));
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, event => this.up(event));
    canvas.addEventListener("wheel", event => this.wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", event => event.preventDefault());
  }
  place(event) {
    const box = this.stage.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
  down(event) {
    if (!this.stage.photo) return;
    event.preventDefault();
    $("stage").focus({ preventScroll: true });
    this.stage.canvas.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.pointers.set(event.pointerId, at);
    if (this.pointers.size === 2) return this.pinchFrom();
    if (this.pointers.size > 2) return;
    this.start = this.last = at;
    this.moved = false;
    this.hit = null;
    const tool = this.act.tool(), inside = this.stage.isInside(this.stage.toPhoto(at.x, at.y));
    if (event.button === 1 || event.button === 2 || tool === "pan") this.mode = "pan";
    else if (tool === "dropper") this.mode = "drop";
    else if (tool === "brush" && inside) { this.mode = "stroke"; this.act.strokeFrom(this.stage.toPhoto(at.x, at.y)); }
    else {
      this.hit = this.stage.hit(at.x, at.y, event.pointerType === "mouse" ? 13 : 24);
      this.mode = this.hit ? "hint" : "pan";
      if (this.hit) this.act.grab(this.hit);
    }
  }
  move(event) {
    if (!this.pointers.has(event.pointerId)) return;
    const at = this.place(event);
    this.pointers.set(event.pointerId, at);
    if (this.mode === "pinch") return this.pinch();
    if (!this.moved && Math.hypot(at.x - this.start.x, at.y - this.start.y) < (event.pointerType === "mouse" ? 3 : 8)) return;
    const dx = at.x - this.last.x, dy = at.y - this.last.y, scale = this.stage.view.scale;
    this.moved = true;
    this.last = at;
    if (this.mode === "pan") this.stage.pan(dx, dy);
    if (this.mode === "hint") this.act.drag(dx / scale, dy / scale);
    if (this.mode === "stroke") this.act.strokeTo(this.stage.toPhoto(at.x, at.y));
  }
  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.mode === "pinch") { if (!this.pointers.size) this.mode = ""; return; }
    const mode = this.mode, place = this.stage.toPhoto(this.start.x, this.start.y);
    this.mode = "";
    if (event.type === "pointercancel") return mode === "stroke" ? this.act.strokeEnd(false) : undefined;
    if (mode === "stroke") return this.act.strokeEnd(true);
    if (mode === "hint") return this.act.release(this.moved);
    if (this.moved || event.button > 0) return;
    if (mode === "drop" || this.act.tool() === "point") {
      if (this.stage.isInside(place)) this.act.tap(place, mode === "drop"); else this.act.outside();
    }
  }
  pinchFrom() {
    if (this.mode === "stroke") this.act.strokeEnd(false);
    this.mode = "pinch";
    this.pair = [...this.pointers.values()].map(at => ({ ...at }));
  }
  pinch() {
    const now = [...this.pointers.values()].slice(0, 2);
    if (now.length < 2) return;
    const middle = pair => ({ x: (pair[0].x + pair[1].x) / 2, y: (pair[0].y + pair[1].y) / 2 });
    const apart = pair => Math.hypot(pair[0].x - pair[1].x, pair[0].y - pair[1].y) || 1;
    const from = middle(this.pair), to = middle(now);
    this.stage.pan(to.x - from.x, to.y - from.y);
    this.stage.zoom(apart(now) / apart(this.pair), to.x, to.y);
    this.pair = now.map(at => ({ ...at }));
  }
  wheel(event) {
    if (!this.stage.photo) return;
    event.preventDefault();
    const at = this.place(event), unit = event.deltaMode === 1 ? 30 : 1;
    this.stage.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0016)), at.x, at.y);
  }
}

// The edge between before and after, by mouse, finger and keys.
function divide(stage, onMove) {
  const handle = $("divider");
  const move = at => {
    stage.at = Math.min(1, Math.max(0, at));
    handle.style.left = stage.at * 100 + "%";
    handle.setAttribute("aria-valuenow", Math.round(stage.at * 100));
    onMove(stage.at);
    stage.redraw();
  };
  let held = null;
  handle.addEventListener("pointerdown", event => {
    event.preventDefault();
    event.target.setPointerCapture(event.pointerId);
    held = event.pointerId;
  });
  handle.addEventListener("pointermove", event => {
    if (event.pointerId !== held) return;
    const box = stage.canvas.getBoundingClientRect();
    move((event.clientX - box.left) / box.width);
  });
  for (const kind of ["pointerup", "pointercancel"]) handle.addEventListener(kind, () => { held = null; });
  handle.addEventListener("keydown", event => {
    const step = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1 }[event.key];
    if (step) { event.preventDefault(); event.stopPropagation(); move(stage.at + step); }
  });
  return move;
}
