"use strict";

/* Charts of the last 24 hours as inline SVG; every one says in words what it shows. */

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 150;
const EDGE = { left: 42, right: 6, top: 10, bottom: 22 };

function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** A round figure at or above the largest value, for the upper end of the axis. */
function niceTop(largest) {
  if (!(largest > 0)) return 1;
  const step = 10 ** Math.floor(Math.log10(largest));
  return [1, 2, 5, 10].map((factor) => factor * step).find((top) => top >= largest);
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function short(value) {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

/**
 * @param {{at: number, value: (number|null)}[]} points in order of time, seconds since 1970; null where nothing is known
 * @param {{kind: string, what: string, top?: number, className?: string}} form
 * @param {number} width pixels that it will have, so that its text is as large as the page's small text
 */
function chart(points, form, width) {
  const known = points.filter((point) => point.value !== null);
  const largest = Math.max(0, ...known.map((point) => point.value));
  const top = form.top || niceTop(largest);
  const from = points[0].at;
  const span = Math.max(1, points[points.length - 1].at + 300 - from);
  const inner = width - EDGE.left - EDGE.right;
  const x = (at) => EDGE.left + ((at - from) / span) * inner;
  const y = (value) => HEIGHT - EDGE.bottom - (value / top) * (HEIGHT - EDGE.top - EDGE.bottom);
  const last = known.length ? known[known.length - 1].value : 0;
  const said = `${form.what}: now ${short(last)}, at most ${short(largest)} in the last 24 hours`;
  const picture = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": said, class: form.className || "" });
  for (const value of [0, top / 2, top]) {
    picture.append(
      draw("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
      draw("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)),
    );
  }
  picture.append(...(form.kind === "bars" ? bars(known, x, y, (300 / span) * inner) : lines(points, x, y)));
  for (const part of [0, 0.5, 1]) {
    const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
    const at = from + part * span;
    picture.append(draw("text", { x: x(at), y: HEIGHT - 6, "text-anchor": anchor }, clock(at)));
  }
  return picture;
}

function bars(points, x, y, broad) {
  const width = Math.max(1, broad + 0.1);
  return points
    .filter((point) => point.value > 0)
    .map((point) => draw("rect", { class: "bar-mark", x: x(point.at), y: y(point.value), width, height: y(0) - y(point.value) }));
}

/** Lines with gaps where nothing is known. */
function lines(points, x, y) {
  const paths = [];
  let path = "";
  for (const point of points) {
    if (point.value === null) {
      if (path) paths.push(path);
      path = "";
    } else {
      path += `${path ? "L" : "M"}${x(point.at).toFixed(1)} ${y(point.value).toFixed(1)}`;
      path += path.includes("L") ? "" : `h0.1`;
    }
  }
  if (path) paths.push(path);
  return paths.map((each) => draw("path", { class: "line-mark", d: each, "stroke-linecap": "round" }));
}

/** A bar that is filled by this share, from 0 to 1. */
function gauge(share, said) {
  const filled = Math.min(1, Math.max(0, share));
  const picture = draw("svg", { class: "gauge", viewBox: "0 0 100 4", preserveAspectRatio: "none", role: "img", "aria-label": said });
  picture.append(draw("rect", { x: 0, y: 0, width: filled * 100, height: 4, class: filled > 0.9 ? "high" : "" }));
  return picture;
}
