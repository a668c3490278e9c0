// Tenants: made, changed, paused, deleted, brought back.
import { all, api, ask, count, field, get, guard, h, money, numbers, table } from "/admin/lib.js";
import { changed, termsForm } from "/admin/keys.js";

const path = (t) => "tenant/" + encodeURIComponent(t.name);
const words = (o) => Object.entries(o || {}).map(([n, v]) => n + " " + v).join(", ") || "–";
const cut = (text) => (text || "").split(",").map((w) => w.trim()).filter(Boolean);
const models = (t) => (t.scopes || []).filter((s) => s.startsWith("models:")).map((s) => s.slice(7)).join(", ");

// Plan, models and labels, with what is set now; what differs of them.
function form(t = {}) {
  return [
    h("div", { class: "pair" }, field("Plan (of the configuration)", { name: "plan", value: t.plan || "" }),
      field("Models, such as claude-*, gpt-*", { name: "models", value: models(t), placeholder: "all" })),
    termsForm(t, "none"),
    h("div", { class: "pair" }, field("Zone of its days and months", { name: "zone", value: (t.budget && t.budget.zone) || "", placeholder: "UTC" }),
      field("Prompts and answers", { name: "log_prompts", value: String(!!t.log_prompts) },
        [{ value: "false", label: "not kept" }, { value: "true", label: "kept, in prompts.file" }])),
  ];
}
function differing(v, t) {
  const body = changed(v, t);
  if ((v.log_prompts === "true") !== !!t.log_prompts) body.log_prompts = v.log_prompts === "true";
  if (v.plan !== (t.plan || "")) body.plan = v.plan || null;
  if (cut(v.models).join() !== cut(models(t)).join()) body.models = cut(v.models).length ? cut(v.models) : null;
  if (v.zone !== ((t.budget && t.budget.zone) || "")) body.budget = { ...body.budget, zone: v.zone || null };
  return body;
}

export async function tenants({ place, every }) {
  const list = h("div");
  const only = h("input", { placeholder: "name, plan", "aria-label": "filter", oninput: () => draw() });
  const dead = h("input", { type: "checkbox", onchange: () => load().catch(() => {}) });
  let rows = [];

  const load = async () => {
    const fresh = [...await all("tenant", 2000), ...(dead.checked ? await all("tenant?state=deleted", 2000) : [])];
    if (JSON.stringify(fresh) === JSON.stringify(rows)) return;
    rows = fresh;
    draw();
  };
  const make = () => ask("New tenant", [
    h("div", { class: "pair" }, field("Name", { name: "name", required: true, maxlength: 64 }),
      field("Credits in dollars", { name: "credits", type: "number", step: "any", min: 0, placeholder: "none are counted" })),
    form(),
  ], "Make tenant", async (v) => {
    const body = { name: v.name, ...differing(v, {}) };
    if (v.credits !== "") body.budget = { ...body.budget, initial_credits: numbers(v, ["credits"]).credits };
    await api("POST", "tenant", body);
    await load();
  });
  async function open(t) {
    const now = await get(path(t));
    const b = now.balance || {};
    const line = (name, v) => [h("dt", null, name), h("dd", null, v)];
    ask("Tenant “" + now.name + "”", [
      h("dl", null, line("State", now.state), line("From", now.source), line("Labels", words(now.labels)),
        line("Spent", money(b.spent) + " in all, " + money(b.today && b.today.spent) + " today, " + money(b.month && b.month.spent) + " this month"),
        b.credits !== undefined && line("Credits", money(b.left) + " of " + money(b.credits) + " left")),
      form(now),
    ], "Save", async (v) => {
      const body = differing(v, now);
      if (Object.keys(body).length) await api("PATCH", path(t), body);
      await load();
    });
  }
  const set = async (t, state) => {
    await api("PATCH", path(t), { state });
    await load();
  };
  const remove = (t) => ask("Delete “" + t.name + "”?", h("p", null, "All of its keys are refused from the next request on. It can be brought back, with them; its usage stays."),
    "Delete", async () => {
      await api("DELETE", path(t));
      await load();
    }, true);

  function draw() {
    const wanted = only.value.toLowerCase();
    const some = rows.filter((t) => [t.name, t.plan].some((x) => (x || "").toLowerCase().includes(wanted)));
    const small = (label, act, tone) => h("button", { class: "small" + (tone || ""), onclick: guard(act) }, label);
    list.replaceChildren(table([
      ["Name", (t) => small(t.name, () => open(t))],
      ["State", (t) => h("span", { class: { active: "good", paused: "warn" }[t.state] || "bad" }, t.state)],
      ["Plan", (t) => t.plan || "–"],
      ["Models", (t) => models(t) || "all", "wrap"],
      ["Limits", (t) => words(t.limits)],
      ["Budget", (t) => Object.entries(t.budget || {}).map(([n, v]) => n.replace("initial_", "") + " " + (typeof v === "number" ? money(v) : v)).join(", ") || "–"],
      ["Labels", (t) => words(t.labels)],
      ["From", (t) => t.source],
      ["", (t) => (t.state === "deleted" ? small("Bring back", () => set(t, "active")) : [
        small(t.state === "paused" ? "Resume" : "Pause", () => set(t, t.state === "paused" ? "active" : "paused")), " ",
        small("Delete", () => remove(t), " danger")]), "act"],
    ], some, rows.length ? "No tenant fits." : "There is no tenant yet: “New tenant” makes one.", (t) => ({ class: t.state === "active" ? "" : "gone" })),
    h("p", { class: "soft" }, count(some.length) + " of " + count(rows.length)));
  }

  place.append(h("div", { class: "bar" }, h("h1", null, "Tenants"), only, h("label", null, dead, " deleted, too"), h("span", { class: "grow" }),
    h("button", { class: "main", onclick: make }, "New tenant")), list);
  await every(10000, load);
}
