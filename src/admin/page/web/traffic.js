// What has ended, and what is under way.
import { api, ask, bytes, count, get, h, ms, money, table, tell, time } from "/admin/lib.js";

const FILTERS = ["tenant", "key", "model", "provider", "ending", "end_user"];

const tokens = (r) => (r.tokens_in === undefined && r.tokens_out === undefined ? "" : count(r.tokens_in ?? 0) + " in, " + count(r.tokens_out ?? 0) + " out");

// What became of it first, then its way, then all that is known.
function details(r) {
  const rows = Object.entries(r).filter(([name]) => name !== "path" && name !== "message");
  const facts = [r.status + " " + r.ending, r.model && r.model + (r.provider ? " by " + r.provider : ""), tokens(r) && "tokens " + tokens(r),
    r.cost !== undefined && "cost " + money(r.cost), ms(r.ms_total)];
  tell("Request " + r.id,
    h("p", null, facts.filter(Boolean).join(" · ")),
    r.message && h("p", { class: tone(r) }, r.message),
    (r.path || []).length > 0 && [h("h2", null, "Its way"), h("ol", null, r.path.map((p) => h("li", null, p)))],
    h("h2", null, "All that is known"),
    h("dl", null, rows.map(([name, v]) => [h("dt", null, name), h("dd", { class: "mono" }, String(v))])));
}

const tone = (r) => (r.ending === "done" ? "" : r.ending === "refused" || r.ending === "client_gone" ? "warn" : "bad");

export async function requests({ place, every }, wanted) {
  const list = h("div");
  const inputs = FILTERS.map((name) => h("input", { name, placeholder: name.replace("_", " "), "aria-label": name, size: 11, oninput: () => draw() }));
  const id = h("input", { placeholder: "request id", "aria-label": "request id", size: 18, class: "mono" });
  const find = async (e) => {
    if (e) e.preventDefault();
    if (!id.value) return;
    try {
      details(await get("request/" + encodeURIComponent(id.value.trim())));
    } catch (err) {
      tell("Not found", h("p", null, err.message), h("p", null, h("a", { href: "#/trail/" + encodeURIComponent(id.value.trim()) }, "Look for it in the trail")));
    }
  };
  let seen = "";
  async function draw(options) {
    const query = inputs.filter((i) => i.value).map((i) => "&" + i.name + "=" + encodeURIComponent(i.value)).join("");
    const rows = await get("request?limit=100" + query, options);
    const now = query + (rows[0] ? rows[0].id : "") + rows.length;
    if (now === seen) return; // nothing new: what is read or selected stays
    seen = now;
    list.replaceChildren(table([
      ["Time", (r) => time(r.time)],
      ["Request", (r) => h("button", { class: "small mono", onclick: () => details(r) }, r.id)],
      ["Tenant", (r) => r.tenant || "–"],
      ["Key", (r) => r.key_name || r.key || "–"],
      ["Route", (r) => r.endpoint || "–"],
      ["Model", (r) => r.model || "–", "fold"],
      ["Provider", (r) => r.provider || "–", "fold"],
      ["Ending", (r) => h("span", { class: tone(r) }, r.status + " " + r.ending + (r.error ? " (" + r.error + ")" : "")), "fold"],
      ["Cache", (r) => r.cache || "–"],
      ["First", (r) => ms(r.ms_ttft), "num"],
      ["Total", (r) => ms(r.ms_total), "num"],
      ["Tokens in / out", (r) => (tokens(r) ? count(r.tokens_in ?? 0) + " / " + count(r.tokens_out ?? 0) : "–"), "num"],
      ["Cost", (r) => money(r.cost), "num"],
    ], rows, query ? "No request that fits has ended in this process." : ["No request has ended in this process yet. ", h("a", { href: "#/play" }, "Send one from the playground"), "."]));
  }
  place.append(h("div", { class: "bar filters" }, h("h1", null, "Requests"), inputs,
    h("form", { class: "secret", onsubmit: find }, id, h("button", null, "Find"))), list,
  h("p", { class: "soft" }, "The last that ended in this process, newest first. Older ones are in the ", h("a", { href: "#/trail" }, "trail"), "."));
  if (wanted) {
    id.value = wanted;
    find();
  }
  await every(3000, draw);
}

export async function live({ place, every }) {
  const list = h("div");
  const says = h("span", { class: "soft" });
  const stop = (r, again) => ask("End request " + r.id + "?", h("p", null, "Its client gets an error at once, the provider is let go, and what it has done so far is charged. Who shares its answer gets the same end."),
    "End it", async () => {
      await api("DELETE", "live/" + r.id);
      await again();
    }, true);

  async function load(options) {
    const d = await get("live", options);
    says.textContent = count(d.running) + " under way" + (d.requests.length < d.running ? ", the oldest " + d.requests.length + " are shown" : "");
    if (list.contains(document.activeElement) && document.activeElement.tagName === "BUTTON" &&
      d.requests.some((r) => r.id === document.activeElement.dataset.id)) {
      const focus = document.activeElement.dataset.id;
      draw(d.requests);
      const again = list.querySelector('button[data-id="' + focus + '"]');
      if (again) again.focus();
    } else draw(d.requests);
  }
  function draw(rows) {
    list.replaceChildren(table([
      ["", (r) => h("button", { class: "small danger", "data-id": r.id, onclick: () => stop(r, load) }, "End")],
      ["Request", (r) => r.id, "mono"],
      ["Phase", (r) => r.phase + (r.client_gone ? ", without its client" : "")],
      ["Age", (r) => ms(r.age_ms), "num"],
      ["First", (r) => ms(r.first_ms), "num"],
      ["Tenant", (r) => r.tenant || "–"], ["Key", (r) => r.key || "–", "mono"],
      ["Route", (r) => r.endpoint + (r.stream ? ", stream" : "")],
      ["Model", (r) => r.model || "–"], ["Provider", (r) => r.provider || "–"],
      ["In", (r) => bytes(r.bytes_in), "num"], ["Out", (r) => bytes(r.bytes_out), "num"],
      ["Tries", (r) => r.attempts, "num"], ["Client", (r) => r.client],
    ], rows, ["Nothing is under way. Requests stand here while they run, then under ", h("a", { href: "#/requests" }, "Requests"), "."]));
  }
  place.append(h("div", { class: "bar" }, h("h1", null, "Live"), says), list);
  await every(1000, load);
}
