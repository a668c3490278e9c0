// Providers as this process sees them, and the configuration in force.
import { api, ask, field, get, h, ms, table } from "/admin/lib.js";

export async function providers({ place, every }) {
  const list = h("div");
  let drawn = "";

  const pause = (kind, name) => ask("Pause “" + name + "”", [
    h("p", null, "Nothing new is asked there; other targets are. It ends by itself."),
    h("div", { class: "pair" }, field("For", { name: "for", value: "30m", required: true }), field("Why", { name: "why", maxlength: 200 })),
  ], "Pause", async (v) => {
    await api("POST", "switches", { kind, name, for: v.for, ...(v.why ? { why: v.why } : {}) });
    await load();
  });
  const resume = async (kind, name) => {
    await api("DELETE", "switches/" + encodeURIComponent(kind + ":" + name));
    await load();
  };

  const states = (keys) => ["ready", "resting", "refused"].map((s) => [s, keys.filter((k) => k === s).length]).filter(([, n]) => n > 0)
    .map(([s, n], i) => [i ? ", " : "", h("span", { class: { ready: "good", resting: "warn", refused: "bad" }[s] }, n + " " + s)]);

  const lasts = (c) => {
    const days = Math.floor((Date.parse(c.ends) - Date.now()) / 86400000);
    return h("span", { class: days < 3 ? "bad" : days < 14 ? "warn" : "", title: c.subject + " ends " + c.ends }, days < 0 ? "ended" : days + " d");
  };

  // of the tries that ended within the breaker's window
  const errors = (models, window) => {
    const ended = models.reduce((s, m) => s + m.ended, 0), failed = models.reduce((s, m) => s + m.failed, 0);
    if (!ended) return "–";
    return h("span", { class: failed ? "bad" : "good", title: failed + " of " + ended + " tries within " + ms(window) }, ((100 * failed) / ended).toFixed(1) + " %");
  };

  async function load(options) {
    const [rows, switches] = [await get("providers", options), await get("switches", options)];
    const text = JSON.stringify([rows, switches]);
    if (text === drawn) return;
    drawn = text;
    const flat = rows.flatMap((p) => [{ ...p, head: true }, ...p.models.map((m) => ({ ...m, of: p.name }))]);
    list.replaceChildren(...[table([
      ["Provider, model", (r) => (r.head ? h("strong", null, r.name) : h("span", { class: "in" }, r.model))],
      ["At work", (r) => (r.head ? r.taken + " of " + r.places : ""), "num"],
      ["Queue", (r) => (r.head ? h("span", { class: r.waiting ? "warn" : "" }, r.waiting) : ""), "num"],
      ["Connections", (r) => (r.head ? r.connections + ", " + r.idle + " idle" : ""), "num"],
      ["Certificate", (r) => (r.certificate ? lasts(r.certificate) : ""), "num"],
      ["Breaker", (r) => (r.head ? "" : [h("span", { class: { closed: "good", open: "bad" }[r.breaker] || "warn" }, r.breaker),
        r.breaker_rest_ms > 0 && h("span", { class: "soft" }, " " + ms(r.breaker_rest_ms))])],
      ["Failed", (r) => errors(r.head ? r.models : [r], rows.find((p) => p.name === (r.head ? r.name : r.of)).window_ms), "num"],
      ["Keys", (r) => (r.head ? "" : [states(r.keys), r.keys_rest_ms > 0 && h("span", { class: "soft" }, " back in " + ms(r.keys_rest_ms))])],
      ["", (r) => r.head && (r.paused_ms > 0
        ? [h("span", { class: "warn" }, "paused, " + ms(r.paused_ms) + " left "), h("button", { class: "small", onclick: () => resume("provider", r.name) }, "Resume")]
        : h("button", { class: "small", onclick: () => pause("provider", r.name) }, "Pause")), "act"],
    ], flat, "No provider is configured."),
    switches.length > 0 && h("h2", null, "Pauses and weights in force"),
    switches.length > 0 && table([
      ["Kind", (s) => s.kind], ["Name", (s) => s.name], ["Left", (s) => ms(s.left_ms), "num"], ["By", (s) => s.by || "–"], ["Why", (s) => s.why || "–", "wrap"],
      ["", (s) => h("button", { class: "small", onclick: () => resume(s.kind, s.name) }, "End"), "act"],
    ], switches, "")].filter(Boolean));
  }
  place.append(h("div", { class: "bar" }, h("h1", null, "Providers"), h("span", { class: "soft" }, "as this process sees them")), list);
  await every(2000, load);
}

export async function config({ place }) {
  const [d, store, ledger, cache] = [await get("config"), await get("store"), await get("ledger"), await get("cache")];
  const says = h("span", { class: "soft", role: "status" });
  const reload = h("button", {
    onclick: async () => {
      says.className = "soft";
      says.textContent = "…";
      try {
        const r = (await api("POST", "reload")).data;
        says.textContent = r.config === d.hash ? "Read again: nothing has changed." : "In force: " + r.config + ".";
        if (r.config !== d.hash) text.textContent = (await get("config")).yaml;
      } catch (e) {
        says.className = "problem";
        says.textContent = e.message;
      }
    },
  }, "Reload");
  const text = h("pre", { tabindex: "0" }, d.yaml);
  const facts = (title, o) => h("section", { class: "card" }, h("h2", null, title), h("dl", null,
    Object.entries(o).filter(([, v]) => typeof v !== "object").map(([n, v]) => [h("dt", null, n), h("dd", null, String(v))])));
  place.append(h("div", { class: "bar" }, h("h1", null, "Configuration"), h("code", null, d.hash), reload, says),
    h("div", { class: "cards" }, facts("Store", store), facts("Ledger", ledger), facts("Cache in memory", cache.memory)),
    h("p", { class: "soft" }, "In force, with defaults filled in and secrets left out. It is changed in its file, then reloaded."), text);
}
