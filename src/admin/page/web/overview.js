// How it goes: rates, times, errors, cache, tokens, money; the last ten minutes or the last day.
import { count, get, h, money, ms } from "/admin/lib.js";
import { chart } from "/admin/charts.js";

const SPANS = { second: { step: 1, span: 600, label: "10 minutes" }, minute: { step: 60, span: 86400, label: "24 hours" } };
// What is told apart in a chart; each other ending but the good one counts as the last.
const KINDS = [["refused", ["refused"]], ["client gone", ["client_gone", "stalled"]], ["provider", ["upstream_cut", "upstream_error"]],
  ["timeout", ["timeout"]], ["shed, budget, stopped", []]];

const sum = (rows, name) => rows.reduce((s, r) => s + r[name], 0);
const last = (rows, name) => {
  for (let i = rows.length - 1; i >= 0; i--) if (rows[i][name] !== null) return rows[i][name] / 1000;
  return null;
};
const rate = (v) => (v >= 100 ? count(Math.round(v)) : v === 0 ? "0" : v < 0.1 ? v.toFixed(2) : v.toFixed(1));
// In a tile; what it is to the micro-dollar stands in the chart and under Usage.
const around = (dollars) => (dollars > 0 && dollars < 0.01 ? "<$0.01" : money(dollars));
const percent = (part, all) => (all > 0 ? ((100 * part) / all).toFixed(part && part < all / 100 ? 2 : 1) + " %" : "–");

export async function overview({ place, every }) {
  let step = "second", rows = [], columns = [], end = 0, charts = [];
  const tiles = h("div", { class: "tiles" });
  const cards = h("div", { class: "cards" });
  const hint = h("p", { class: "card soft note", hidden: true }, "No request in this time. ", h("a", { href: "#/keys" }, "Make a key"), " and ",
    h("a", { href: "#/play" }, "try it in the playground"), ", or point a client at this gateway with it.");
  const buttons = Object.entries(SPANS).map(([name, s]) => h("button", {
    class: "small", "aria-pressed": String(name === step), onclick: (e) => {
      step = name;
      rows = [];
      buttons.forEach((b) => b.setAttribute("aria-pressed", String(b === e.target)));
      load().catch(() => {});
    },
  }, s.label));

  function begin(endings) {
    const per = (name) => ({ name: name.replace("_", " "), of: (r) => r[name] / SPANS[step].step });
    const time = (kind) => ["p50", "p90", "p99"].map((p) => ({ name: p, of: (r) => (r[kind + "_" + p + "_us"] === null ? null : r[kind + "_" + p + "_us"] / 1000) }));
    const kinds = (names) => {
      const rest = names.filter((n) => n !== "done" && !KINDS.some(([, of]) => of.includes(n)));
      return KINDS.map(([name, of]) => ({ name, of: (r) => (of.length ? of : rest).reduce((s, n) => s + r[n], 0) / SPANS[step].step }));
    };
    charts = [
      chart("Requests a second", [{ ...per("requests"), name: "requests" }, { ...per("errors"), name: "errors" }], rate),
      chart("Duration", time("total"), ms),
      chart("Time to the first content", time("ttft"), ms),
      chart("The gateway's own part", time("own"), ms),
      chart("Failures a second, by kind", kinds(endings), rate),
      chart("Events of streams a second", [{ ...per("events"), name: "events" }], rate),
      chart("At the same time", [{ name: "requests", of: (r) => r.running }], count),
      chart("From the cache", [{ name: "of those looked up", of: (r) => (r.looked ? (100 * r.hits) / r.looked : null) }], (v) => Math.round(v) + " %", 100),
      chart("Tokens a second", [{ ...per("tokens_in"), name: "in" }, { ...per("tokens_out"), name: "out" }], rate),
      chart("Dollars an hour", [{ name: "spent", of: (r) => (r.cost_micro / 1e6) * (3600 / SPANS[step].step) }], money),
    ];
    cards.replaceChildren(...charts.map((c) => c.node));
  }

  const tile = (value, what, tone) => h("div", { class: "card tile" }, h("b", { class: tone }, value), h("small", null, what));

  function draw(running) {
    const { step: seconds, span } = SPANS[step];
    const few = rows.filter((r) => r.at >= end - 10 * seconds);
    const requests = sum(rows, "requests"), errors = sum(rows, "errors"), looked = sum(rows, "looked");
    hint.hidden = requests > 0;
    tiles.replaceChildren(
      tile(rate(few.length ? sum(few, "requests") / (few.length * seconds) : 0), "requests a second"),
      tile(count(running), "at the same time"),
      tile(percent(errors, requests), "errors, " + count(errors) + " of " + count(requests), errors > 0 ? "bad" : ""),
      tile(ms(last(rows, "total_p50_us")), "duration, median"),
      tile(ms(last(rows, "ttft_p50_us")), "to the first content"),
      tile(ms(last(rows, "own_p50_us")), "the gateway's own part"),
      tile(percent(sum(rows, "hits"), looked), "from the cache, saved " + around(sum(rows, "saved_micro") / 1e6)),
      tile(count(sum(rows, "tokens_in") + sum(rows, "tokens_out")), "tokens"),
      tile(around(sum(rows, "cost_micro") / 1e6), "spent in " + SPANS[step].label));
    // a young process has no ten minutes yet: what there is fills the width
    const width = rows.length ? Math.min(span, Math.max(60 * seconds, end - rows[0].at)) : span;
    for (const c of charts) c.draw(rows, seconds, width, end);
  }

  async function load(options) {
    const asked = step;
    const d = await get("overview?step=" + step + (rows.length ? "&after=" + rows[rows.length - 1].at : ""), options);
    if (asked !== step) return;
    if (columns.join() !== d.columns.join()) {
      columns = d.columns;
      begin(columns.slice(columns.indexOf("own_p99_us") + 1));
    }
    const fresh = d.rows.map((r) => Object.fromEntries(columns.map((n, i) => [n, r[i]])));
    // a clock that was set back, or another process: what is here belongs to nothing
    if (rows.length && d.now < rows[rows.length - 1].at) rows = [];
    end = d.now;
    rows = [...rows, ...fresh].filter((r) => r.at >= end - SPANS[step].span);
    draw(d.running);
  }

  place.append(h("div", { class: "bar" }, h("h1", null, "Overview"), buttons, h("span", { class: "soft" }, "this process, kept in memory")), hint, tiles, cards);
  await every(2000, load);
}
