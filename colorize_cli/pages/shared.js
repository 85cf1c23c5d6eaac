"use strict";
// Components that all pages share: elements, before | after, a grid of any number of cards.
const Pages = (() => {
  function make(tag, kind, text) {
    const node = document.createElement(tag);
    if (kind) node.className = kind;
    if (text) node.textContent = text;
    return node;
  }

  // Two pictures of the same size, one over the other; `slider`, an input, moves with the edge between them.
  function fill(stack, name, pictures, otherwise) {
    stack.replaceChildren();
    stack.style.setProperty("--at", "50%");
    for (const [kind, address] of pictures) {
      const image = make("img", kind);
      image.alt = kind + ": " + name;
      image.decoding = "async";
      image.src = address;
      stack.append(image);
    }
    if (!pictures.length) stack.append(make("div", "none", otherwise));
    else if (pictures.length > 1) stack.append(make("div", "edge"));
  }

  function compare(stack, slider) {
    const move = at => stack.style.setProperty("--at", at + "%");
    stack.addEventListener("pointermove", event => {
      const box = stack.getBoundingClientRect();
      const at = Math.min(100, Math.max(0, 100 * (event.clientX - box.left) / box.width));
      move(at);
      if (slider) slider.value = at;
    });
    if (slider) slider.addEventListener("input", () => move(slider.value));
  }

  // Cards of which only those near the window exist. `card(index)` makes one, which is a button.
  class Grid {
    constructor(place, card, least = 260, gap = 12, below = 48) {
      Object.assign(this, { place, card, least, gap, below, count: 0, current: 0, columns: 1, width: 0, height: 0 });
      this.cards = new Map();
      place.classList.add("cards");
      let waiting = false;
      const later = () => { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; this.render(); }); } };
      window.addEventListener("scroll", later, { passive: true });
      window.addEventListener("resize", () => this.layout());
    }
    show(count) {
      this.count = count;
      for (const node of this.cards.values()) node.remove();
      this.cards.clear();
      this.layout();
    }
    renew(index) {
      const old = this.cards.get(index);
      if (!old) return;
      const node = this.add(index), focused = document.activeElement === old;
      old.replaceWith(node);
      if (focused) node.focus({ preventScroll: true });
    }
    layout() {
      const total = this.place.clientWidth;
      if (!total) return;
      this.columns = Math.max(1, Math.floor((total + this.gap) / (this.least + this.gap)));
      this.width = (total - this.gap * (this.columns - 1)) / this.columns;
      this.height = Math.round(this.width * 0.8) + this.below;
      this.place.style.height = Math.ceil(this.count / this.columns) * (this.height + this.gap) + "px";
      for (const [index, node] of this.cards) this.put(node, index);
      this.render();
    }
    put(node, index) {
      node.style.left = (index % this.columns) * (this.width + this.gap) + "px";
      node.style.top = Math.floor(index / this.columns) * (this.height + this.gap) + "px";
      node.style.width = this.width + "px";
      node.style.height = this.height + "px";
    }
    add(index) {
      const node = this.card(index);
      node.dataset.index = index;
      this.put(node, index);
      this.cards.set(index, node);
      return node;
    }
    render() {
      const box = this.place.getBoundingClientRect(), row = this.height + this.gap, slack = 2;
      if (!box.width) return;
      const first = Math.max(0, (Math.floor(-box.top / row) - slack) * this.columns);
      const last = Math.min(this.count, (Math.ceil((window.innerHeight - box.top) / row) + slack) * this.columns);
      for (const [index, node] of this.cards) if ((index < first || index >= last) && node !== document.activeElement) { node.remove(); this.cards.delete(index); }
      for (let index = first; index < last; index++) if (!this.cards.has(index)) this.place.append(this.add(index));
    }
    focus(index) {
      if (!this.count) return;
      this.current = Math.min(this.count - 1, Math.max(0, index));
      const from = this.place.getBoundingClientRect().top + window.scrollY + Math.floor(this.current / this.columns) * (this.height + this.gap);
      if (from < window.scrollY + 80) window.scrollTo(0, from - 90);
      if (from + this.height > window.scrollY + window.innerHeight) window.scrollTo(0, from + this.height - window.innerHeight + this.gap);
      this.render();
      this.cards.get(this.current).focus({ preventScroll: true });
    }
    // Arrows, Home and End; true where the key was for the grid.
    key(key) {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns, Home: -Infinity, End: Infinity }[key];
      if (step === undefined) return false;
      const at = document.activeElement;
      this.focus(at && at.classList.contains("card") ? Number(at.dataset.index) + step : this.current);
      return true;
    }
  }

  return { make, fill, compare, Grid };
})();
