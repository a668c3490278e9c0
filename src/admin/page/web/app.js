// The page's frame: login, navigation, and one view at a time.
import { api, get, h, told } from "/admin/lib.js";
import { overview } from "/admin/overview.js";
import { play } from "/admin/play.js";
import { live, requests } from "/admin/traffic.js";
import { keys } from "/admin/keys.js";
import { budgets, usage } from "/admin/money.js";
import { config, providers } from "/admin/system.js";
import { tenants } from "/admin/tenants.js";
import { trail } from "/admin/trail.js";

const views = [
  ["overview", "Overview", overview],
  ["live", "Live", live],
  ["requests", "Requests", requests],
  ["keys", "Keys", keys],
  ["tenants", "Tenants", tenants],
  ["budgets", "Budgets", budgets],
  ["usage", "Usage", usage],
  ["trail", "Trail", trail],
  ["providers", "Providers", providers],
  ["play", "Playground", play],
  ["config", "Configuration", config],
];

const $ = (id) => document.getElementById(id);
let shown = null; // the view in sight: { name, stop }

// A view's frame: `every` asks again and again while the view is in sight, one call at a time.
function begin(name) {
  const place = h("div");
  const leave = new AbortController();
  const timers = new Set();
  const every = (period, work) => {
    const turn = async () => {
      timers.delete(turn.at);
      if (!document.hidden) {
        try {
          await work({ signal: leave.signal });
        } catch (e) {
          if (e.status !== undefined && e.status !== 401 && !leave.signal.aborted) problem(place, e);
        }
      }
      if (leave.signal.aborted) return;
      turn.at = setTimeout(turn, period);
      timers.add(turn.at);
    };
    return turn();
  };
  shown = { name, stop: () => { leave.abort(); timers.forEach(clearTimeout); } };
  return { place, every, signal: leave.signal };
}

function problem(place, e) {
  const line = place.querySelector(":scope > .problem") || place.appendChild(h("p", { class: "problem", role: "alert" }));
  line.textContent = e.message;
}

async function show() {
  const [name, argument] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const view = views.find((v) => v[0] === name) || views[0];
  if (shown) shown.stop();
  document.querySelectorAll("dialog").forEach((d) => d.close()); // a link in one leads on
  const frame = begin(view[0]);
  document.title = view[1] + " · Sluice";
  for (const a of $("nav").children) {
    if (a.dataset.name === view[0]) {
      a.setAttribute("aria-current", "page");
      a.scrollIntoView({ block: "nearest", inline: "center" });
    } else a.removeAttribute("aria-current");
  }
  $("main").replaceChildren(frame.place);
  try {
    await view[2](frame, argument);
  } catch (e) {
    if (e.status !== 401 && !frame.signal.aborted) problem(frame.place, e);
  }
}

// ---- login ----

function login(session, note) {
  if (shown) shown.stop();
  shown = null;
  $("top").hidden = true;
  document.title = "Log in · Sluice";
  document.querySelectorAll("dialog").forEach((d) => d.close());
  const says = h("p", { class: "problem", role: "alert" }, note || "");
  const key = h("input", { type: "password", name: "key", autocomplete: "current-password", required: true });
  const button = h("button", { class: "main" }, "Log in");
  const where = h("p", { class: "soft" }, "It stands in admin.key or SLUICE_ADMIN_KEY where the gateway was started; a start without a file says where it keeps one.");
  const form = h("form", {
    class: "card login",
    onsubmit: async (e) => {
      e.preventDefault();
      button.disabled = true;
      says.textContent = "";
      try {
        await api("POST", "session", { key: key.value });
        key.value = "";
        await enter();
      } catch (err) {
        says.textContent = err.status ? err.message : "The gateway can't be reached.";
        where.hidden = true; // the refusal says it
        button.disabled = false;
        key.select();
      }
    },
  }, h("h1", null, "Sluice"),
  session && !session.has_key
    ? h("p", null, "No admin key is configured: set SLUICE_ADMIN_KEY or admin.key, and restart.")
    : [h("label", { class: "field" }, h("span", null, "Admin key"), key), button, where],
  says);
  $("main").replaceChildren(form);
  key.focus();
}

async function state() {
  try {
    const r = await fetch("/readyz", { cache: "no-store" });
    const j = await r.json();
    told.reached();
    $("state").replaceChildren(h("span", { class: r.ok && j.store === "up" ? "good" : "bad", "aria-hidden": "true" }, "● "),
      j.status + (j.store === "up" ? "" : ", store " + j.store));
    $("state").className = r.ok && j.store === "up" ? "" : "bad";
  } catch (e) {
    told.away();
  }
}

async function enter() {
  const session = await get("session");
  if (!session.open) {
    login(session);
    return;
  }
  $("top").hidden = false;
  $("logout").hidden = session.socket;
  state();
  show();
}

let away = false;
told.expired = () => login(null, "The login has ended. Log in again to go on where you were.");
told.reached = () => {
  const was = away;
  away = false;
  $("away").hidden = true;
  if (was) again();
};
told.away = () => {
  away = true;
  $("away").hidden = false;
  $("away").textContent = "The gateway can't be reached. Trying again.";
};

// Back after an outage: whoever was logged in may be so no more, and what is in sight is old.
async function again() {
  if (shown) enter();
}

$("nav").append(...views.map(([name, title]) => h("a", { href: "#/" + name, "data-name": name }, title)));
$("logout").addEventListener("click", async () => {
  await api("DELETE", "session");
  login(null, "");
});
addEventListener("hashchange", () => shown && show());
document.addEventListener("visibilitychange", () => !document.hidden && shown && state());
setInterval(() => (shown || away) && !document.hidden && state(), 5000);
enter().catch(() => { told.away(); login(null); });
