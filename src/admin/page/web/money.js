// Budgets on their way to the limit, and what was used by whom.
import { all, api, ask, cell, count, field, get, h, money, save, table, tell } from "/admin/lib.js";
import { changed, termsForm } from "/admin/keys.js";

// How far a budget is used; at this pace its limit is reached in so many days.
function course(spent, limit, passed) {
  if (!limit) return "";
  const share = spent / limit;
  const at = passed > 0.02 && share < 1 ? share / passed : 0;
  return [
    h("meter", { min: 0, max: 1, low: 0.8, high: 0.999, optimum: 0, value: Math.min(share, 1), title: Math.round(share * 100) + " %" }),
    " ", h("span", { class: share >= 1 ? "bad" : share >= 0.8 ? "warn" : "" }, Math.round(share * 100) + " %"),
    at > 1.05 && h("span", { class: "soft" }, " at this pace " + Math.round(at * 100) + " %"),
  ];
}

export async function budgets({ place, every }) {
  const list = h("div");
  let drawn = "";

  const edit = (t, again) => ask("Tenant “" + t.name + "”", [
    termsForm(t, "none"),
    field("Credits to add, in dollars", { name: "credits", type: "number", step: "any" }),
  ], "Save", async (v) => {
    const body = changed(v, t);
    if (Object.keys(body).length) await api("PATCH", "tenant/" + encodeURIComponent(t.name), body);
    if (v.credits) await api("POST", "tenant/" + encodeURIComponent(t.name) + "/credits", { credits: Number(v.credits) });
    await again();
  });
  const raise = (t, again) => ask("More for “" + t.name + "”, for a while", [
    h("div", { class: "pair" }, field("Dollars a day", { name: "daily", type: "number", step: "any", min: 0 }), field("Dollars a month", { name: "monthly", type: "number", step: "any", min: 0 })),
    field("For", { name: "for", value: "8h", required: true }),
  ], "Raise", async (v) => {
    const body = { for: v.for };
    for (const n of ["daily", "monthly"]) if (v[n]) body[n] = Number(v[n]);
    await api("POST", "tenant/" + encodeURIComponent(t.name) + "/raise", body);
    await again();
  });

  async function load() {
    const rows = await all("balance");
    const text = JSON.stringify(rows);
    if (text === drawn) return;
    drawn = text;
    const now = new Date();
    const ofDay = (now.getUTCHours() * 60 + now.getUTCMinutes()) / 1440;
    const ofMonth = (now.getUTCDate() - 1 + ofDay) / new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 0)).getUTCDate();
    list.replaceChildren(table([
      ["Tenant", (t) => t.name],
      ["State", (t) => h("span", { class: t.state === "active" ? "good" : "warn" }, t.state)],
      ["Today", (t) => money(t.balance.today.spent), "num"],
      ["Day's limit", (t) => (t.balance.today.limit ? money(t.balance.today.limit) : "–"), "num"],
      ["", (t) => course(t.balance.today.spent, t.balance.today.limit, ofDay)],
      ["Month", (t) => money(t.balance.month.spent), "num"],
      ["Month's limit", (t) => (t.balance.month.limit ? money(t.balance.month.limit) : "–"), "num"],
      ["", (t) => course(t.balance.month.spent, t.balance.month.limit, ofMonth)],
      ["Credits left", (t) => money(t.balance.left), "num"],
      ["of", (t) => money(t.balance.credits), "num"],
      ["Reserved", (t) => money(t.balance.reserved), "num"],
      ["Zone", (t) => t.zone],
      ["", (t) => [h("button", { class: "small", onclick: () => edit(t, load) }, "Change"), " ",
        h("button", { class: "small", onclick: () => raise(t, load) }, "Raise"),
        t.raise && h("span", { class: "soft" }, " raised")], "act"],
    ], rows, "There is no tenant yet."));
  }
  place.append(h("div", { class: "bar" }, h("h1", null, "Budgets"), h("span", { class: "soft" }, "pace by UTC")), list);
  await every(5000, load);
}

const BY = ["tenant", "key", "user", "app", "model", "provider", "day"];
const iso = (d) => d.toISOString().slice(0, 10);

function range(word) {
  const now = new Date(), from = new Date(now);
  if (word === "week") from.setUTCDate(now.getUTCDate() - 6);
  if (word === "month") from.setUTCDate(1);
  if (word === "90 days") from.setUTCDate(now.getUTCDate() - 89);
  return [iso(from), iso(now)];
}

export async function usage({ place }) {
  const list = h("div");
  const [first, last] = range("month");
  const from = h("input", { type: "date", value: first, "aria-label": "from", onchange: () => load() });
  const to = h("input", { type: "date", value: last, "aria-label": "to", onchange: () => load() });
  const boxes = BY.map((n) => h("input", { type: "checkbox", value: n, onchange: () => load() }));
  boxes[0].checked = boxes[BY.indexOf("model")].checked = true;
  let rows = [], by = [];

  async function load() {
    by = boxes.filter((b) => b.checked).map((b) => b.value);
    if (by.length === 0) return;
    try {
      rows = await get("usage?by=" + by.join(",") + "&from=" + from.value + "&to=" + to.value);
    } catch (e) {
      if (e.status !== 401) tell("This can't be shown", h("p", null, e.message));
      return;
    }
    if (!by.includes("day")) rows.sort((a, b) => b.cost - a.cost || b.requests - a.requests);
    const sum = (n) => rows.reduce((s, r) => s + (r[n] || 0), 0);
    const most = Math.max(...rows.map((r) => r.cost), 0);
    const columns = [
      ...by.map((n) => [n[0].toUpperCase() + n.slice(1), (r) => r[n] || "–"]),
      ["Requests", (r) => count(r.requests), "num"], ["Cached", (r) => count(r.cached), "num"],
      ["Tokens in", (r) => count(r.input), "num"], ["cache read", (r) => count(r.cache_read), "num"],
      ["cache write", (r) => count(r.cache_write), "num"], ["out", (r) => count(r.output), "num"],
      ["Cost", (r) => money(r.cost), "num"],
      ["", (r) => (most > 0 && r.total === undefined ? h("meter", { min: 0, max: most, value: r.cost, "aria-label": "share of the largest" }) : "")],
    ];
    const total = { requests: sum("requests"), cached: sum("cached"), input: sum("input"), cache_read: sum("cache_read"),
      cache_write: sum("cache_write"), output: sum("output"), cost: sum("cost"), total: true };
    total[by[0]] = "All";
    list.replaceChildren(table(columns, rows.length ? [...rows, total] : [], "Nothing was used in these days."));
  }
  const csv = () => save("usage-" + from.value + "-" + to.value + ".csv",
    [[...by, "requests", "cached", "input", "cache_read", "cache_write", "output", "cost"], ...rows.map((r) =>
      [...by.map((n) => r[n]), r.requests, r.cached, r.input, r.cache_read, r.cache_write, r.output, r.cost])]
      .map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n");

  place.append(h("div", { class: "bar" }, h("h1", null, "Usage"),
    ["day", "week", "month", "90 days"].map((w) => h("button", { class: "small", onclick: () => { [from.value, to.value] = range(w); load(); } }, w)),
    from, "to", to, h("span", { class: "soft" }, "by"), BY.map((n, i) => h("label", null, boxes[i], " " + n)),
    h("button", { class: "end", onclick: csv }, "CSV")), list,
  h("p", { class: "soft" }, "From the store, all instances, days in UTC. Cached answers that cost nothing are counted within 10 seconds."));
  await load();
}
