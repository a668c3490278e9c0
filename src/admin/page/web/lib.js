// What all pages share: elements, calls of the admin API, numbers as people read them.
// Text is always set as text, never as HTML: whatever a tenant is called, it is only read.

export function h(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (name === "class") e.className = value;
    else if (name === "value") e.value = value;
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

export class Refused extends Error {
  constructor(status, message, param) {
    super(message);
    this.status = status;
    this.param = param;
  }
}

// Set by app.js: told when a login has ended, and whether the gateway can be reached.
export const told = { expired() {}, reached() {}, away() {} };

export async function call(path, options = {}) {
  let r;
  try {
    r = await fetch("/admin/api/" + path, {
      credentials: "same-origin",
      cache: "no-store",
      ...options,
      headers: { "x-sluice-page": "1", ...options.headers },
    });
  } catch (e) {
    if (e.name !== "AbortError") told.away();
    throw e;
  }
  told.reached();
  return r;
}

// One call; `data` and `next` of its answer. A refusal is thrown with what the gateway said.
export async function api(method, path, body, options = {}) {
  const send = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const r = await call(path, { method, ...send, ...options });
  let j = null;
  try {
    j = await r.json();
  } catch (e) {
    throw new Refused(r.status, "the answer can't be read (status " + r.status + ")");
  }
  if (r.ok) return j;
  if (r.status === 401 && path !== "session") told.expired();
  throw new Refused(r.status, (j.error && j.error.message) || j.message, j.error && j.error.param);
}

export const get = async (path, options) => (await api("GET", path, undefined, options)).data;

// All pages of a list, up to `most` entries.
export async function all(path, most = 1000) {
  const out = [];
  let after = "";
  do {
    const j = await api("GET", path + (path.includes("?") ? "&" : "?") + "limit=100" + (after ? "&after=" + after : ""));
    out.push(...j.data);
    after = j.next;
  } while (after && out.length < most);
  return out;
}

// ---- numbers ----

export function count(n) {
  if (n === null || n === undefined) return "–";
  const a = Math.abs(n);
  if (a >= 1e9) return (n / 1e9).toFixed(2) + " G";
  if (a >= 1e6) return (n / 1e6).toFixed(2) + " M";
  if (a >= 1e4) return (n / 1e3).toFixed(1) + " k";
  return a >= 100 || Number.isInteger(n) ? Math.round(n).toLocaleString("en") : n.toFixed(1);
}

export function money(dollars) {
  if (dollars === null || dollars === undefined) return "–";
  const a = Math.abs(dollars);
  return (dollars < 0 ? "−$" : "$") + a.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: a === 0 || a >= 1 ? 2 : a >= 0.01 ? 4 : 6 });
}

export function ms(v) {
  if (v === null || v === undefined) return "–";
  if (v < 1) return Math.round(v * 1000) + " µs";
  if (v < 10) return v.toFixed(1) + " ms";
  if (v < 1000) return Math.round(v) + " ms";
  if (v < 120000) return (v / 1000).toFixed(v < 10000 ? 2 : 1) + " s";
  return Math.round(v / 60000) + " min";
}

export function bytes(n) {
  if (n < 1024) return n + " B";
  if (n < 1048576) return (n / 1024).toFixed(1) + " KiB";
  return (n / 1048576).toFixed(1) + " MiB";
}

export const time = (t) => new Date(t).toLocaleTimeString("en-GB");
export const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

// ---- parts ----

// columns: [title, of(row) -> text or node, "num" | "wrap" | "fold" | "mono" | "act" | ""]
export function table(columns, rows, empty, rowProps) {
  if (rows.length === 0) return h("div", { class: "wide" }, h("p", { class: "empty" }, empty));
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "table" }, h("table", null,
    h("thead", null, h("tr", null, columns.map(([title, , kind]) => h("th", { class: kind, scope: "col" }, title)))),
    h("tbody", null, rows.map((row) => h("tr", rowProps ? rowProps(row) : null,
      columns.map(([, of, kind]) => h("td", { class: kind }, of(row))))))));
}

export function field(label, props, options) {
  const input = options
    ? h("select", props, options.map((o) => h("option", { value: o.value ?? o, selected: (o.value ?? o) === props.value }, o.label ?? o)))
    : h("input", { autocomplete: "off", ...props });
  return h("label", { class: "field" }, h("span", null, label), input);
}

// A dialog with a form. `act(values)` runs at its button; what it throws is shown, and the dialog stays.
export function ask(title, body, button, act, danger) {
  const problem = h("p", { class: "problem", role: "alert" });
  const go = h("button", { class: danger ? "danger" : "main", type: "submit" }, button);
  const form = h("form", { method: "dialog" }, h("h2", null, title), body, problem,
    h("div", { class: "bar" }, h("button", { type: "button", onclick: () => box.close() }, "Cancel"), go));
  const box = h("dialog", { "aria-label": title, onclose: () => box.remove() }, form);
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    go.disabled = true;
    problem.textContent = "";
    try {
      await act(values);
      box.close();
    } catch (err) {
      problem.textContent = err.message;
      go.disabled = false;
    }
  });
  document.body.append(box);
  box.showModal();
}

// Something to read, from its beginning: with the focus at its button, a long one would open at its end.
export function tell(title, ...body) {
  const box = h("dialog", { "aria-label": title, onclose: () => box.remove() }, h("form", { method: "dialog" },
    h("h2", { tabindex: "-1", autofocus: true }, title), body, h("div", { class: "bar" }, h("button", { class: "main" }, "Close"))));
  document.body.append(box);
  box.showModal();
}

// A click whose failure is said.
export const guard = (act) => async (e) => {
  try {
    await act(e);
  } catch (err) {
    tell("This did not work", h("p", null, err.message));
  }
};

export const numbers = (values, names) => Object.fromEntries(names.filter((n) => values[n] !== undefined && values[n] !== "").map((n) => [n, Number(values[n])]));

export function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// A cell of CSV; what a spreadsheet would take for a formula stays a text.
export function cell(v) {
  let s = String(v ?? "");
  if (typeof v === "string" && /^[=+\-@\t\r]/.test(s)) s = "'" + s;
  return /[",\r\n]/.test(s) ? '"' + s.replaceAll('"', '""') + '"' : s;
}
