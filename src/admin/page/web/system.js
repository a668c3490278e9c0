// Providers as this process sees them.
import { api, ask, field, get, h, ms, table } from "/admin/lib.js";

export async function providers({ place, every }) {
  const list = h("div");
  let drawn = "";

  const pause = (kind, name) => ask("Pause " + name, [
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
      ["Breaker", (r) => (r.head ? "" : [h("span", { class: { closed: "good", open: "bad" }[r.breaker] || "warn" }, r.breaker),
        r.breaker_rest_ms > 0 && h("span", { class: "soft" }, " " + ms(r.breaker_rest_ms))])],
      ["Keys", (r) => (r.head ? "" : [states(r.keys), r.keys_rest_ms > 0 && h("span", { class: "soft" }, " back in " + ms(r.keys_rest_ms))])],
      ["", (r) => r.head && (r.paused_ms > 0
        ? [h("span", { class: "warn" }, "paused, " + ms(r.paused_ms) + " left "), h("button", { class: "small", onclick: () => resume("provider", r.name) }, "Resume")]
        : h("button", { class: "small", onclick: () => pause("provider", r.name) }, "Pause"))],
    ], flat, "No provider is configured."),
    switches.length > 0 && h("h2", null, "Pauses and weights in force"),
    switches.length > 0 && table([
      ["Kind", (s) => s.kind], ["Name", (s) => s.name], ["Left", (s) => ms(s.left_ms), "num"], ["By", (s) => s.by || "–"], ["Why", (s) => s.why || "–", "wrap"],
      ["", (s) => h("button", { class: "small", onclick: () => resume(s.kind, s.name) }, "End")],
    ], switches, "")].filter(Boolean));
  }
  place.append(h("div", { class: "bar" }, h("h1", null, "Providers"), h("span", { class: "soft" }, "as this process sees them")), list);
  await every(2000, load);
}
