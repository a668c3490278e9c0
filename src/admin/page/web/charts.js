// Lines over time, as SVG made by hand: a scale, a few grid lines, and what the pointer is at.
import { h } from "/admin/lib.js";

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 126, LEFT = 46, BOTTOM = 18, TOP = 6;

function svg(tag, props, ...children) {
  const e = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(props)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}

// The next of 1, 2, 5 times a power of ten.
export function nice(v) {
  if (!(v > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(v));
  return [1, 2, 5, 10].find((m) => m * power >= v * 0.999999) * power;
}

// Points that follow each other become a line, one that stands alone a dot large enough to be seen.
function path(points, gap) {
  const near = (a, b) => a && b && a.y !== null && b.y !== null && b.at - a.at <= gap;
  const place = (p) => p.x.toFixed(1) + " " + p.y.toFixed(1);
  return points.map((p, i) => {
    if (p.y === null) return "";
    if (near(points[i - 1], p)) return "L" + place(p);
    return "M" + place(p) + (near(p, points[i + 1]) ? "" : "m-1 0a1 1 0 1 0 2 0a1 1 0 1 0 -2 0");
  }).join("");
}

// series: [{ name, of(row) -> number or null }]; format(number) -> text.
// draw(rows, step, span, end): rows have `at`; `span` seconds up to `end` are shown. `full`: the least top.
export function chart(title, series, format, full = 0) {
  const values = series.map(() => h("i"));
  const when = h("i", { class: "soft" });
  const legend = h("div", { class: "legend" }, series.map((s, i) => h("span", null, h("span", { class: "s" + (i + 1) }, "● "), s.name + " ", values[i])), when);
  const drawing = svg("svg", { class: "chart", role: "img" });
  const node = h("section", { class: "card" }, h("h2", null, title), drawing, legend);
  let now = { rows: [], x: () => 0, width: 0 };

  const say = (row, at) => {
    series.forEach((s, i) => {
      const v = row ? s.of(row) : null;
      values[i].textContent = v === null ? "–" : format(v);
    });
    when.textContent = at || "";
  };
  const last = () => say(now.rows[now.rows.length - 1]);

  drawing.addEventListener("pointermove", (e) => {
    const box = drawing.getBoundingClientRect();
    const x = e.clientX - box.left;
    let best = null;
    for (const row of now.rows) if (best === null || Math.abs(now.x(row.at) - x) < Math.abs(now.x(best.at) - x)) best = row;
    const cursor = drawing.querySelector(".cursor");
    if (!best || !cursor) return;
    cursor.setAttribute("d", "M" + now.x(best.at).toFixed(1) + " " + TOP + "V" + (HEIGHT - BOTTOM));
    now.at = best.at;
    say(best, new Date(best.at * 1000).toLocaleTimeString("en-GB"));
  });
  drawing.addEventListener("pointerleave", () => {
    now.at = null;
    const cursor = drawing.querySelector(".cursor");
    if (cursor) cursor.setAttribute("d", "");
    last();
  });

  function draw(rows, step, span, end) {
    const width = drawing.clientWidth || 320, from = end - span;
    const x = (at) => LEFT + ((at - from) / span) * (width - LEFT - 4);
    const top = nice(Math.max(...rows.map((r) => Math.max(...series.map((s) => s.of(r) ?? 0))), full));
    const y = (v) => HEIGHT - BOTTOM - (v / top) * (HEIGHT - BOTTOM - TOP);
    const parts = [];
    for (const v of [0, top / 2, top]) {
      parts.push(svg("path", { class: "grid", d: "M" + LEFT + " " + (Math.round(y(v)) + 0.5) + "H" + width }));
      parts.push(svg("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, format(v)));
    }
    const tick = span / (width > 420 ? 5 : 3);
    for (let at = from + tick / 2; at < end; at += tick) {
      const label = new Date(at * 1000).toLocaleTimeString("en-GB");
      parts.push(svg("text", { x: x(at), y: HEIGHT - 3, "text-anchor": "middle" }, span > 3600 ? label.slice(0, 5) : label));
    }
    series.forEach((s, i) => {
      const points = rows.map((r) => ({ at: r.at, x: x(r.at), y: s.of(r) === null ? null : y(s.of(r)) }));
      parts.push(svg("path", { class: "line s" + (i + 1), "stroke-linecap": "round", d: path(points, step * 1.5) }));
    });
    parts.push(svg("path", { class: "cursor", d: "" }));
    drawing.setAttribute("viewBox", "0 0 " + width + " " + HEIGHT);
    drawing.replaceChildren(...parts);
    const at = now.at;
    now = { rows, x, at };
    if (!at) last();
    drawing.setAttribute("aria-label", title + ": " + series.map((s, i) => s.name + " " + values[i].textContent).join(", "));
  }
  return { node, draw };
}
