"use strict";
// What keys do in the viewer.
const KEYS = [
  ["Arrows", "move the crosshair, or the hint that is chosen; with Shift in small steps, with Alt move the photo"],
  ["Enter", "set a hint at the crosshair; with the brush begin and end a stroke"],
  ["1 … 9", "choose a likely color"],
  ["Tab", "go through buttons; N and P go through the hints"],
  ["Delete", "remove the hint that is chosen"],
  ["Ctrl+Z, Ctrl+Y", "undo, redo"],
  ["C, B, H", "click, brush, move"],
  ["I, R, O", "color from this photo, from another picture, any other"],
  ["V", "variants side by side"],
  ["[ and ]", "move the edge between before and after; \\ shows before alone, and back"],
  ["+, −, 0", "larger, smaller, fit"],
  ["S", "save"],
  ["Page Up, Page Down", "other photos"],
  ["Esc", "close colors; let the hint go; back to the photos"],
];

function viewerKey(event) {
  const key = event.key, viewer = Viewer, stage = viewer.stage, edits = viewer.edits;
  const field = document.activeElement, typing = field && field.tagName === "INPUT" && field.type !== "range" && field.type !== "color";
  if (document.querySelector("dialog[open]") || typing) return;
  if (key === "Escape") { event.preventDefault(); return escapeFrom(viewer); }
  if (key === "PageUp" || key === "PageDown") { event.preventDefault(); return viewer.step(key === "PageUp" ? -1 : 1); }
  if (!viewer.isOpen) return;
  if (event.ctrlKey || event.metaKey) {
    const act = { z: () => event.shiftKey ? viewer.redo() : viewer.undo(), y: () => viewer.redo(), s: () => viewer.save() }[key.toLowerCase()];
    if (act) { event.preventDefault(); act(); }
    return;
  }
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  if (steps) {
    if (field && field.type === "range" || field && field.closest("#swatches")) return;
    event.preventDefault();
    return arrows(viewer, steps, event);
  }
  if (key === "Enter") {
    if (field && field.id === "stage") { event.preventDefault(); enter(viewer); }
    return;
  }
  if (/^[1-9]$/.test(key)) return viewer.palette.choose(Number(key) - 1);
  const act = {
    Delete: () => viewer.remove(), Backspace: () => viewer.remove(), c: () => viewer.use("point"), b: () => viewer.use("brush"), h: () => viewer.use("pan"),
    i: () => edits.chosen() && viewer.use("dropper"), r: () => edits.chosen() && viewer.palette.openReference(), o: () => edits.chosen() && $("picker").focus(),
    v: () => App.about.chances && viewer.variants(App.about.seed), s: () => viewer.save(), n: () => cycle(viewer, 1), p: () => cycle(viewer, -1),
    "[": () => viewer.divide(stage.at - 0.05), "]": () => viewer.divide(stage.at + 0.05), "\\": () => viewer.divide(stage.at > 0.99 ? 0 : 1),
    "+": () => stage.zoom(1.25), "=": () => stage.zoom(1.25), "-": () => stage.zoom(0.8), 0: () => stage.fit(), "?": () => $("help-dialog").showModal(),
  }[key.length === 1 ? key.toLowerCase() : key];
  if (act && (viewer.photo.takesColor || !/^[cbvirosnp]$/i.test(key))) { event.preventDefault(); act(); }
}

function escapeFrom(viewer) {
  if (viewer.isOpen && viewer.stage.draft) return viewer.strokeEnd(false);
  if (viewer.isOpen && viewer.tool === "dropper") return viewer.use("point");
  if (viewer.isOpen && viewer.edits.selected) return viewer.select(null);
  location.hash = "";
}

function arrows(viewer, [dx, dy], event) {
  const { stage, photo, edits } = viewer;
  if (event.altKey) return stage.pan(-60 * dx, -60 * dy);
  const step = (event.shiftKey ? 2 : 16) / stage.view.scale;
  if (edits.chosen() && !stage.draft) {
    if (edits.moveBy(dx * step, dy * step, "keys")) viewer.changed();
    return;
  }
  const into = (value, most) => Math.min(most, Math.max(0, value));
  const from = stage.cross || stage.toPhoto(stage.width / 2, stage.height / 2);
  stage.cross = { x: into(from.x + dx * step, photo.width), y: into(from.y + dy * step, photo.height) };
  const at = stage.toScreen(stage.cross.x, stage.cross.y);
  if (at.x < 20 || at.x > stage.width - 20) stage.pan(stage.width / 2 - at.x, 0);
  if (at.y < 20 || at.y > stage.height - 20) stage.pan(0, stage.height / 2 - at.y);
  if (stage.draft) viewer.strokeTo(stage.cross);
  stage.redraw();
}

function enter(viewer) {
  const { stage } = viewer;
  if (!viewer.photo.takesColor) return;
  if (!stage.cross) { arrows(viewer, [0, 0], {}); return; }
  if (viewer.tool === "brush") return stage.draft ? viewer.strokeEnd(true) : viewer.strokeFrom(stage.cross);
  if (viewer.tool === "dropper") return viewer.drop(stage.cross);
  viewer.addPoint(stage.cross);
}

function cycle(viewer, by) {
  const all = viewer.edits.all();
  if (!all.length) return;
  const at = all.findIndex(one => viewer.edits.isSelected(one)), next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length];
  viewer.select({ list: next.list, index: next.index });
}

$("keys").append(...KEYS.flatMap(([key, does]) => { const dt = make("dt"); dt.append(make("kbd", "", key)); return [dt, make("dd", "", does)]; }));
