// Points on a world that is moved and zoomed: land on one canvas, points on another above it. Points are stamped from a small
// picture of each class; those that change their class are stamped anew over what was there.
import { BOUNDS, landPath, project, unproject } from './world.js';

const PICK_PX = 14;    // as near is meant
const DRAG_PX = 4;     // less is a click
const MAX_ZOOM = 60;
const FLY_MS = 500;
const MANY = 2000;     // more points are smaller
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Plane {
  // box: focusable element that holds it; on.hover(index or -1), on.pick(index), on.move(): the view has changed
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.land = landPath();
    this.canvases = [0, 1].map(() => document.createElement('canvas'));
    box.prepend(...this.canvases);
    this.xs = this.ys = new Float64Array(0);
    this.classes = new Uint8Array(0);
    this.colours = [];
    this.match = null;   // 1 for points that stand out; null: all alike
    this.marked = -1;    // pointed at, or chosen with the keyboard
    this.dirty = new Set();
    this.zoom = 1;       // 1: the whole world
    this.centre = [(BOUNDS.left + BOUNDS.right) / 2, (BOUNDS.top + BOUNDS.bottom) / 2];
    this.pointers = new Map();
    new ResizeObserver(() => this.resize()).observe(box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
    this.listen();
  }

  // ---- what is shown

  setPoints(places) {
    this.xs = new Float64Array(places.length);
    this.ys = new Float64Array(places.length);
    places.forEach(({ lon, lat }, i) => { [this.xs[i], this.ys[i]] = project(lon, lat); });
    this.classes = new Uint8Array(places.length);
    this.marked = -1;
    this.redraw();
  }

  setClass(i, value) {
    if (this.classes[i] === value) return;
    this.classes[i] = value;
    this.dirty.add(i);
    this.schedule();
  }

  // The city at `i` has a ring; -1: none.
  mark(i) {
    if (this.marked === i) return;
    this.marked = i;
    this.redraw(false);
  }

  // ---- the view

  fit() {
    return Math.min(this.width / (BOUNDS.right - BOUNDS.left), this.height / (BOUNDS.bottom - BOUNDS.top));
  }

  get scale() { return this.fit() * this.zoom; }

  // Pixels of a point of the plane.
  at(x, y) {
    return [(x - this.centre[0]) * this.scale + this.width / 2, (y - this.centre[1]) * this.scale + this.height / 2];
  }

  place(i) { return this.at(this.xs[i], this.ys[i]); }

  // [lon, lat, zoom], or null when the whole world is shown.
  view() {
    return this.zoom === 1 ? null : [...unproject(...this.centre), this.zoom];
  }

  setView(view) {
    const middle = [(BOUNDS.left + BOUNDS.right) / 2, (BOUNDS.top + BOUNDS.bottom) / 2];
    this.go(view ? project(view[0], view[1]) : middle, view ? view[2] : 1);
  }

  go(centre, zoom) {
    cancelAnimationFrame(this.flight);
    this.zoom = clamp(zoom, 1, MAX_ZOOM);
    this.centre = centre;
    this.keepInside();
    this.redraw();
    this.on.move();
  }

  // Where there is room for all of it the world is in the middle, else its edge stays at the edge.
  keepInside() {
    if (!this.width) return;
    const within = (value, low, high, room) => (high - low <= room ? (low + high) / 2 : clamp(value, low + room / 2, high - room / 2));
    this.centre = [within(this.centre[0], BOUNDS.left, BOUNDS.right, this.width / this.scale), within(this.centre[1], BOUNDS.top, BOUNDS.bottom, this.height / this.scale)];
    this.box.classList.toggle('zoomed', this.zoom > 1);
  }

  zoomBy(factor, [px, py] = [this.width / 2, this.height / 2]) {
    const zoom = clamp(this.zoom * factor, 1, MAX_ZOOM), from = this.scale, to = this.fit() * zoom;
    const shift = 1 / from - 1 / to;
    this.go([this.centre[0] + (px - this.width / 2) * shift, this.centre[1] + (py - this.height / 2) * shift], zoom);
  }

  // To where all of these points are seen.
  fly(points) {
    if (!points.length || !this.width) return;
    const edge = (values, pick) => points.reduce((best, i) => pick(best, values[i]), values[points[0]]);
    const [left, right, top, bottom] = [edge(this.xs, Math.min), edge(this.xs, Math.max), edge(this.ys, Math.min), edge(this.ys, Math.max)];
    const room = Math.min(this.width / (right - left || 1e-9), this.height / (bottom - top || 1e-9)) * 0.8;
    this.flyTo([(left + right) / 2, (top + bottom) / 2], clamp(room / this.fit(), 1, 8));
  }

  flyTo(centre, zoom) {
    if (calm.matches) { this.go(centre, zoom); return; }
    const start = performance.now(), from = { centre: this.centre, zoom: this.zoom };
    const step = now => {
      const share = clamp((now - start) / FLY_MS, 0, 1), eased = share * (2 - share);
      this.go([0, 1].map(k => from.centre[k] + (centre[k] - from.centre[k]) * eased), from.zoom * (zoom / from.zoom) ** eased);
      if (share < 1) this.flight = requestAnimationFrame(step);
    };
    cancelAnimationFrame(this.flight);
    this.flight = requestAnimationFrame(step);
  }

  // ---- drawing

  resize() {
    const { clientWidth: width, clientHeight: height } = this.box, ratio = devicePixelRatio;
    if (!width) return; // not shown
    Object.assign(this, { width, height, ratio });
    for (const canvas of this.canvases) Object.assign(canvas, { width: width * ratio, height: height * ratio });
    this.keepInside();
    this.redraw();
  }

  // All of it at the next frame; `land` false: the land is as it was.
  redraw(land = true) {
    this.landDue ||= land;
    this.pointsDue = true;
    this.schedule();
  }

  schedule() {
    if (this.frame || !this.width) return;
    this.frame = requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  draw() {
    if (this.landDue) this.drawLand();
    if (this.pointsDue || this.match) this.drawPoints();
    else this.stamp(this.dirty);
    this.dirty.clear();
    this.landDue = this.pointsDue = false;
  }

  drawLand() {
    const context = this.canvases[0].getContext('2d'), k = this.scale * this.ratio, [x, y] = this.at(0, 0);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvases[0].width, this.canvases[0].height);
    context.setTransform(k, 0, 0, k, x * this.ratio, y * this.ratio);
    context.save();
    context.beginPath();
    context.rect(BOUNDS.left, -10, BOUNDS.right - BOUNDS.left, 20);
    context.clip();
    context.fillStyle = css('--land');
    context.fill(this.land);
    context.strokeStyle = css('--coast');
    context.lineWidth = this.ratio * 0.8 / k;
    context.stroke(this.land);
    context.restore();
  }

  radius() {
    return (this.xs.length > MANY ? 2.6 : 4.6) * Math.min(2.2, this.zoom ** 0.3);
  }

  // A picture of the point of each class.
  sprites() {
    const r = this.radius() * this.ratio, size = 2 * Math.ceil(r + 2), edge = css('--dot-edge');
    this.spriteSize = size;
    this.pictures = this.colours.map(colour => {
      const canvas = Object.assign(document.createElement('canvas'), { width: size, height: size }), context = canvas.getContext('2d');
      context.arc(size / 2, size / 2, r, 0, 2 * Math.PI);
      context.fillStyle = colour;
      context.fill();
      context.strokeStyle = edge;
      context.lineWidth = this.ratio;
      context.stroke();
      return canvas;
    });
  }

  drawPoints() {
    const canvas = this.canvases[1], context = canvas.getContext('2d');
    context.clearRect(0, 0, canvas.width, canvas.height);
    this.sprites();
    if (this.match) context.globalAlpha = 0.18;
    this.stamp(this.match ? this.indices(i => !this.match[i]) : this.indices(() => true));
    context.globalAlpha = 1;
    if (this.match) this.stamp(this.indices(i => this.match[i]));
    if (this.marked >= 0) this.ring(context);
  }

  indices(test) {
    return Array.from(this.xs.keys()).filter(test);
  }

  stamp(points) {
    const context = this.canvases[1].getContext('2d'), { ratio, spriteSize: size } = this, k = this.scale * ratio;
    const left = this.width * ratio / 2 - this.centre[0] * k - size / 2, top = this.height * ratio / 2 - this.centre[1] * k - size / 2;
    for (const i of points) {
      const x = Math.round(this.xs[i] * k + left), y = Math.round(this.ys[i] * k + top);
      if (x > -size && y > -size && x < this.canvases[1].width && y < this.canvases[1].height) context.drawImage(this.pictures[this.classes[i]], x, y);
    }
  }

  ring(context) {
    const [x, y] = this.place(this.marked);
    this.stamp([this.marked]);
    context.beginPath();
    context.arc(x * this.ratio, y * this.ratio, (this.radius() + 4) * this.ratio, 0, 2 * Math.PI);
    context.strokeStyle = css('--accent');
    context.lineWidth = 2.5 * this.ratio;
    context.stroke();
  }

  // ---- pointing

  // The nearest point to these pixels, or -1.
  near(px, py) {
    let best = -1, least = PICK_PX ** 2;
    for (let i = 0; i < this.xs.length; i++) {
      const [x, y] = this.place(i), far = (x - px) ** 2 + (y - py) ** 2;
      if (far < least && (!this.match || this.match[i])) [best, least] = [i, far];
    }
    return best;
  }

  // The point next to `i` in a direction; from nothing, the one nearest to the middle.
  next(i, dx, dy) {
    const [fx, fy] = i < 0 ? [this.width / 2, this.height / 2] : this.place(i);
    let best = i, least = Infinity;
    for (let j = 0; j < this.xs.length; j++) {
      if (j === i || (this.match && !this.match[j])) continue;
      const [x, y] = this.place(j), ahead = (x - fx) * dx + (y - fy) * dy, aside = Math.abs((x - fx) * dy - (y - fy) * dx);
      const cost = i < 0 ? Math.hypot(x - fx, y - fy) : ahead + 2 * aside;
      if (cost < least && (i < 0 || (ahead > 0.5 && aside <= 2 * ahead))) [best, least] = [j, cost];
    }
    return best;
  }

  // So that point `i` is seen.
  reveal(i) {
    const [x, y] = this.place(i), margin = 24;
    if (x < margin || y < margin || x > this.width - margin || y > this.height - margin) this.go([this.xs[i], this.ys[i]], this.zoom);
  }

  listen() {
    const { box } = this, where = event => { const r = box.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
    box.addEventListener('wheel', event => {
      if (!event.ctrlKey) return; // the page scrolls
      event.preventDefault();
      this.zoomBy(1.0015 ** -event.deltaY, where(event));
    }, { passive: false });
    box.addEventListener('pointerdown', event => {
      if (event.button !== 0 || event.target.closest('button')) return;
      this.pointers.set(event.pointerId, where(event));
      this.moved = this.pointers.size > 1;
      this.pressed = where(event);
      box.setPointerCapture(event.pointerId);
    });
    box.addEventListener('pointermove', event => this.pointerMoved(event.pointerId, where(event)));
    box.addEventListener('pointerup', event => {
      if (!this.pointers.delete(event.pointerId) || this.moved) return;
      const i = this.near(...where(event));
      if (i >= 0) this.on.pick(i);
    });
    box.addEventListener('pointercancel', event => this.pointers.delete(event.pointerId));
    box.addEventListener('pointerleave', () => this.on.hover(-1));
  }

  pointerMoved(id, to) {
    const from = this.pointers.get(id);
    if (!from) { this.on.hover(this.near(...to)); return; }
    if (!this.moved && Math.hypot(to[0] - this.pressed[0], to[1] - this.pressed[1]) < DRAG_PX) return;
    this.moved = true;
    const other = [...this.pointers].find(([key]) => key !== id)?.[1];
    this.pointers.set(id, to);
    if (other) { // pinched
      const spread = p => Math.hypot(p[0] - other[0], p[1] - other[1]);
      this.zoomBy(spread(to) / Math.max(1, spread(from)), other);
    } else this.go([this.centre[0] - (to[0] - from[0]) / this.scale, this.centre[1] - (to[1] - from[1]) / this.scale], this.zoom);
  }
}
