// A request as a client makes it, with a key that is pasted or was just made here.
import { call, get, h, money, ms } from "/admin/lib.js";
import { made } from "/admin/keys.js";

const ROUTES = {
  "v1/messages": {
    body: (model, text, n) => ({ model, max_tokens: n, stream: true, messages: [{ role: "user", content: text }] }),
    piece: (j) => (j.type === "content_block_delta" ? j.delta.text || j.delta.thinking || "" : ""),
  },
  "v1/chat/completions": {
    body: (model, text, n) => ({ model, max_tokens: n, stream: true, messages: [{ role: "user", content: text }] }),
    piece: (j) => (j.choices || []).map((c) => (c.delta && c.delta.content) || "").join(""),
  },
  "v1/responses": {
    body: (model, text, n) => ({ model, max_output_tokens: n, stream: true, input: text }),
    piece: (j) => (j.type === "response.output_text.delta" ? j.delta : ""),
  },
};

// Events of a stream as they come; each one's JSON is given to `each`.
export async function events(response, each) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const whole = rest.split(/\r\n\r\n|\n\n|\r\r/);
    rest = whole.pop();
    for (const event of whole) {
      const data = event.split(/\r\n|\n|\r/).filter((l) => l.startsWith("data:")).map((l) => l.slice(5).trim()).join("\n");
      if (data && data !== "[DONE]") each(JSON.parse(data));
    }
  }
}

export async function play({ place, signal }) {
  const key = h("input", { type: "password", class: "mono", placeholder: "sk-slc-…", required: true, autocomplete: "off", id: "play-key", value: made.length ? made[0].key : "", onchange: () => models() });
  const recent = made.length > 0 && h("select", { "aria-label": "keys made here", onchange: (e) => { key.value = e.target.value; models(); } },
    made.map((k) => h("option", { value: k.key }, k.name + " (" + k.id + ")")));
  const route = h("select", { id: "play-route" }, Object.keys(ROUTES).map((r) => h("option", null, r)));
  const model = h("input", { id: "play-model", list: "play-models", placeholder: "as clients ask for it", required: true, autocomplete: "off" });
  const list = h("datalist", { id: "play-models" });
  const most = h("input", { type: "number", id: "play-max", value: 256, min: 1, max: 100000 });
  const text = h("textarea", { id: "play-text", rows: 5 }, "Say hello in one sentence.");
  const send = h("button", { class: "main", type: "submit" }, "Send");
  const stop = h("button", { type: "button", disabled: true }, "Stop");
  const answer = h("pre", { id: "play-answer", "aria-live": "polite" });
  const facts = h("p", { class: "soft", id: "play-facts" });
  let running = null;

  async function models() {
    if (!key.value) return;
    try {
      const r = await call("play/v1/models", { headers: { "x-api-key": key.value.trim() } });
      if (!r.ok) return;
      const names = (await r.json()).data.map((m) => m.id).filter((n) => !n.includes("*"));
      list.replaceChildren(...names.map((n) => h("option", { value: n })));
      if (!model.value && names.length) model.value = names[0];
    } catch (e) { /* the list is a help only */ }
  }

  async function ask(e) {
    e.preventDefault();
    if (running) return;
    const way = ROUTES[route.value], from = performance.now();
    let first = null, usage = null;
    running = new AbortController();
    send.disabled = true;
    stop.disabled = false;
    answer.textContent = "";
    answer.className = "";
    facts.textContent = "Sent.";
    try {
      const r = await call("play/" + route.value, {
        method: "POST",
        signal: running.signal,
        headers: { "content-type": "application/json", "x-api-key": key.value.trim() },
        body: JSON.stringify(way.body(model.value, text.value, Number(most.value))),
      });
      const id = r.headers.get("x-sluice-request-id");
      if (!r.ok) {
        const t = await r.text();
        answer.className = "problem";
        try {
          answer.textContent = r.status + ": " + JSON.parse(t).error.message;
        } catch (err) {
          answer.textContent = r.status + ": " + t;
        }
      } else {
        await events(r, (j) => {
          const piece = way.piece(j);
          if (piece && first === null) first = performance.now() - from;
          answer.textContent += piece;
          usage = (j.message && j.message.usage) || j.usage || (j.response && j.response.usage) || usage;
          if (j.error) {
            answer.className = "problem";
            answer.textContent += "\n" + (j.error.message || j.error);
          }
        });
      }
      const cost = r.ok && id ? await get("request/" + id).then((d) => d.cost, () => undefined) : undefined;
      facts.replaceChildren([r.headers.get("x-sluice-provider"), r.headers.get("x-cache") && "cache " + r.headers.get("x-cache"),
        first !== null && "first text after " + ms(first), "all after " + ms(performance.now() - from),
        usage && (usage.output_tokens ?? usage.completion_tokens) + " tokens",
        cost !== undefined && money(cost)].filter(Boolean).join(" · ") + " · ",
      id ? h("a", { href: "#/requests/" + id }, "which way it went") : "");
    } catch (err) {
      facts.textContent = err.name === "AbortError" ? "Stopped: the gateway saw its client leave." : "The answer broke off: " + err.message;
    }
    running = null;
    send.disabled = false;
    stop.disabled = true;
  }
  stop.addEventListener("click", () => running && running.abort());
  signal.addEventListener("abort", () => running && running.abort());

  place.append(h("div", { class: "bar" }, h("h1", null, "Playground"), h("span", { class: "soft" }, "it counts, and is charged, as any other request of that key")),
    h("form", { class: "card", onsubmit: ask },
      h("div", { class: "pair" }, h("label", { class: "field" }, h("span", null, "Key of a tenant; it stays in this tab"), key),
        recent ? h("label", { class: "field" }, h("span", null, "Made in this tab"), recent)
          : h("p", { class: "soft hint" }, "No key at hand? ", h("a", { href: "#/keys" }, "Make one"), ": it is offered here then.")),
      h("div", { class: "pair three" }, h("label", { class: "field" }, h("span", null, "Model"), model, list),
        h("label", { class: "field" }, h("span", null, "Route"), route), h("label", { class: "field" }, h("span", null, "Most tokens"), most)),
      h("label", { class: "field" }, h("span", null, "Prompt"), text),
      h("div", { class: "bar" }, send, stop, facts), answer));
  await models();
}
