// Keys: made (shown once), changed, given credits, rotated, paused, revoked.
import { all, api, ask, day, field, get, guard, h, money, numbers, table, tell } from "/admin/lib.js";

// Keys made or rotated in this tab, for the playground; they are kept nowhere else.
export const made = [];

const LIMITS = ["rpm", "qps", "tpm", "concurrency"];

function shown(title, data) {
  const text = h("textarea", { class: "mono", value: data.key, readonly: true, rows: 3, "aria-label": "the key", id: "new-key" });
  made.unshift({ id: data.id, name: data.name, key: data.key });
  made.length = Math.min(made.length, 20);
  tell(title, h("p", null, "This is the only time it is shown: copy it now. The gateway keeps its SHA-256 alone. Clients send it as x-api-key, or as a bearer token."),
    h("div", { class: "secret" }, text, h("button", {
      type: "button",
      onclick: async (e) => {
        text.select();
        try {
          await navigator.clipboard.writeText(text.value);
          e.target.textContent = "Copied";
        } catch (err) {
          e.target.textContent = "Press Ctrl+C";
        }
      },
    }, "Copy")), h("p", null, h("a", { href: "#/play", class: "button" }, "Try it in the playground")));
}

// Limits and budget as a form, with what is set now; `unset`: what holds where nothing is.
function terms(now = {}, unset = "the tenant's") {
  const l = now.limits || {}, b = now.budget || {};
  const number = (name, label, value, step) => field(label, { name, type: "number", min: 0, step, value: value ?? "", placeholder: unset });
  return [
    h("div", { class: "pair" }, number("rpm", "Requests a minute", l.rpm), number("qps", "Requests a second", l.qps),
      number("tpm", "Tokens a minute", l.tpm), number("concurrency", "At the same time", l.concurrency)),
    h("div", { class: "pair" }, number("daily", "Dollars a day", b.daily, "any"), number("monthly", "Dollars a month", b.monthly, "any")),
  ];
}

// What of the form differs: a value that was taken away becomes null.
export function changed(values, now) {
  const differ = (names, old) => Object.fromEntries(names.map((n) => [n, values[n] === "" ? null : Number(values[n])])
    .filter(([n, v]) => v !== (old[n] ?? null)));
  const out = {};
  const limits = differ(LIMITS, now.limits || {}), budget = differ(["daily", "monthly"], now.budget || {});
  if (Object.keys(limits).length) out.limits = limits;
  if (Object.keys(budget).length) out.budget = budget;
  return out;
}

export const termsForm = terms;

export async function keys({ place, every }) {
  const list = h("div");
  const only = h("input", { placeholder: "name, id, tenant, user", "aria-label": "filter", oninput: () => draw() });
  const dead = h("input", { type: "checkbox", onchange: () => draw() });
  let rows = [];

  const path = (k) => "token/" + encodeURIComponent(k.id);
  const load = async (options) => {
    const fresh = await all("token", 2000);
    if (JSON.stringify(fresh) === JSON.stringify(rows)) return;
    rows = fresh;
    draw();
  };

  async function make() {
    const tenants = (await all("tenant")).map((t) => t.name);
    if (!tenants.includes("default")) tenants.push("default");
    ask("New key", [
      h("div", { class: "pair" }, field("Name", { name: "name", required: true, maxlength: 64 }), field("Tenant", { name: "tenant", value: tenants[0] }, tenants)),
      h("div", { class: "pair" }, field("User", { name: "user", placeholder: "for people, and for usage" }), field("Models, such as claude-*, gpt-*", { name: "models", placeholder: "all" })),
      h("div", { class: "pair" }, field("Credits in dollars", { name: "credits", type: "number", step: "any", min: 0, placeholder: "the tenant's" }),
        field("Expires", { name: "expires", type: "date" })),
      terms(),
    ], "Make key", async (v) => {
      const body = { name: v.name, tenant: v.tenant, ...numbers(v, [...LIMITS, "credits"]) };
      for (const n of ["user", "models", "expires"]) if (v[n]) body[n] = v[n];
      const budget = numbers(v, ["daily", "monthly"]);
      if (Object.keys(budget).length && body.credits !== undefined) {
        budget.initial_credits = body.credits;
        delete body.credits;
      }
      if (Object.keys(budget).length) body.budget = budget;
      const data = (await api("POST", "token", body)).data;
      await load();
      setTimeout(() => shown("Key “" + data.name + "”", data));
    });
  }

  async function open(k) {
    const now = await get(path(k));
    const b = now.balance || {};
    const line = (name, v) => [h("dt", null, name), h("dd", null, v)];
    ask("Key “" + (now.name || now.id) + "”", [
      h("dl", null, line("Id", now.id), line("Tenant", now.tenant), line("User", now.user || "–"), line("State", now.state),
        line("Made", now.created ? day(now.created) : "in the configuration"), line("Expires", now.expires ? day(now.expires) : "never"),
        line("May use", now.scopes.length ? now.scopes.join(", ") : "everything its tenant may"),
        line("Spent", money(b.spent) + " in all, " + money(b.today && b.today.spent) + " today, " + money(b.month && b.month.spent) + " this month"),
        b.credits !== undefined && line("Credits", money(b.left) + " of " + money(b.credits) + " left")),
      terms(now),
    ], "Save", async (v) => {
      const body = changed(v, now);
      if (Object.keys(body).length) await api("PATCH", path(k), body);
      await load();
    });
  }

  const credits = (k) => ask("Credits for “" + k.name + "”", field("Dollars to add (below 0 takes)", { name: "credits", type: "number", step: "any", required: true }),
    "Add", async (v) => {
      await api("POST", path(k) + "/credits", { credits: Number(v.credits) });
      await load();
    });
  const rotate = (k) => ask("Rotate “" + k.name + "”", [h("p", null, "A new key takes this one's place, with its limits, credits and budgets. The old one stays good for the overlap."),
    field("Overlap", { name: "overlap", value: "24h" })], "Rotate", async (v) => {
    const data = (await api("POST", path(k) + "/rotate", { overlap: v.overlap })).data;
    await load();
    setTimeout(() => shown("New key for “" + k.name + "”", data));
  });
  const pause = async (k) => {
    await api("PATCH", path(k), { state: k.state === "paused" ? "active" : "paused" });
    await load();
  };
  const revoke = (k) => ask("Revoke “" + k.name + "”?", h("p", null, "It is refused from the next request on, everywhere and for good. What runs goes on."),
    "Revoke", async () => {
      await api("DELETE", path(k));
      await load();
    }, true);

  function draw() {
    const words = only.value.toLowerCase();
    const some = rows.filter((k) => (dead.checked || k.state !== "revoked") &&
      [k.name, k.id, k.tenant, k.user].some((t) => (t || "").toLowerCase().includes(words)));
    list.replaceChildren(table([
      ["Name", (k) => h("button", { class: "small", onclick: guard(() => open(k)) }, k.name || k.id)],
      ["Id", (k) => k.id, "mono"],
      ["Tenant", (k) => k.tenant],
      ["User", (k) => k.user || "–"],
      ["State", (k) => h("span", { class: { active: "good", paused: "warn" }[k.state] || "bad" }, k.state)],
      ["Limits", (k) => Object.entries(k.limits).map(([n, v]) => n + " " + v).join(", ") || "–"],
      ["Budget", (k) => Object.entries(k.budget).map(([n, v]) => n.replace("initial_", "") + " " + money(v)).join(", ") || "–"],
      ["Expires", (k) => (k.expires ? day(k.expires).slice(0, 10) : "–")],
      ["From", (k) => k.source],
      ["", (k) => (k.state === "revoked" ? "" : [
        h("button", { class: "small", onclick: guard(() => credits(k)) }, "Credits"), " ",
        h("button", { class: "small", onclick: guard(() => rotate(k)) }, "Rotate"), " ",
        h("button", { class: "small", onclick: guard(() => pause(k)) }, k.state === "paused" ? "Resume" : "Pause"), " ",
        h("button", { class: "small danger", onclick: guard(() => revoke(k)) }, "Revoke")]), "act"],
    ], some, rows.length ? "No key fits." : "There is no key yet: “New key” makes one, and shows it once.", (k) => ({ class: k.state === "active" ? "" : "gone" })));
  }

  place.append(h("div", { class: "bar" }, h("h1", null, "Keys"), only, h("label", null, dead, " revoked, too"), h("span", { class: "grow" }),
    h("button", { class: "main", onclick: guard(make) }, "New key")), list);
  await every(10000, load);
}
