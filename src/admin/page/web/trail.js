// The trail: its lines found again, by what they say.
import { api, count, h, money, table, tell } from "/admin/lib.js";

const FIELDS = [["id", "request id"], ["tenant", "tenant"], ["key", "key id"], ["user", "user"], ["end_user", "end user"],
  ["model", "model"], ["provider", "provider"], ["client", "address"], ["actor", "changed by"]];
const KINDS = [["", "all"], ["settle", "requests"], ["admin", "changes"], ["sum", "sums of free ones"]];

function details(l) {
  tell("Line " + l.n, h("dl", null, Object.entries(l).filter(([n]) => n !== "path").map(([n, v]) =>
    [h("dt", null, n), h("dd", { class: "mono" }, typeof v === "object" && v ? JSON.stringify(v) : String(v))])),
  (l.path || []).length > 0 && [h("h2", null, "Its way"), h("ol", null, l.path.map((p) => h("li", null, p)))]);
}

export async function trail({ place }, wanted) {
  const list = h("div"), says = h("p", { class: "soft", role: "status" });
  const kind = h("select", { "aria-label": "kind" }, KINDS.map(([value, label]) => h("option", { value }, label)));
  const inputs = FIELDS.map(([name, label]) => h("input", { name: "of-" + name, placeholder: label, "aria-label": label, size: 13 }));
  const from = h("input", { type: "date", "aria-label": "from" }), to = h("input", { type: "date", "aria-label": "to" });
  const older = h("button", { type: "button", onclick: () => more().catch(() => {}) }, "Older");
  let rows = [], query = "", next = null;

  async function more() {
    older.disabled = true;
    says.textContent = "…";
    try {
      const j = await api("GET", "audit?limit=50" + query + (next ? "&after=" + next : ""));
      rows.push(...j.data);
      next = j.next;
      says.textContent = count(rows.length) + (rows.length === 1 ? " line" : " lines") + (next ? "; there may be older ones." : ", and no older one.");
    } catch (e) {
      says.textContent = e.message;
    }
    older.disabled = false;
    older.hidden = !next;
    list.replaceChildren(table([
      ["Time (UTC)", (l) => (l.t || "").replace("T", " ").slice(0, 19)],
      ["Line", (l) => h("button", { class: "small mono", onclick: () => details(l) }, l.n)],
      ["Kind", (l) => l.kind],
      ["Tenant", (l) => l.tenant || "–"],
      ["Key", (l) => l.key_name || l.key || "–"],
      ["End user", (l) => l.end_user || "–"],
      ["Model", (l) => l.model || "–"],
      ["Provider", (l) => l.provider || "–"],
      ["Status", (l) => l.status ?? "–", "num"],
      ["Ending", (l) => l.ending || l.state || "–"],
      ["Tokens in", (l) => l.in ?? "–", "num"],
      ["out", (l) => l.out ?? "–", "num"],
      ["Cost", (l) => (l.cost_micro === undefined ? "–" : money(l.cost_micro / 1e6)), "num"],
      ["By", (l) => l.actor || "–", "wrap"],
    ], rows, "No line says that."));
  }
  const find = (e) => {
    if (e) e.preventDefault();
    const asked = [...inputs.map((i) => [i.name.slice(3), i.value.trim()]), ["kind", kind.value], ["from", from.value], ["to", to.value]];
    query = asked.filter(([, v]) => v).map(([n, v]) => "&" + n + "=" + encodeURIComponent(v)).join("");
    rows = [];
    next = null;
    return more();
  };

  place.append(h("div", { class: "bar" }, h("h1", null, "Trail")), h("form", { class: "bar filters", onsubmit: find }, kind, inputs, h("span", { class: "days" }, from, " to ", to), h("button", { class: "main" }, "Find")),
    list, h("div", { class: "bar" }, older, says),
    h("p", { class: "soft" }, "Of this process, the newest first. It is read, not verified: sluice audit verify does that."));
  older.hidden = true;
  if (wanted) inputs[0].value = wanted;
  await find();
}
