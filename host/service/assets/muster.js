// What a page does beyond being read: it stays up to date, and its times count on. Everything it shows comes from the
// server's own pages: nothing is put together here.

import { openLogs } from "./log.js";

const page = { source: null, busy: false, again: false, shown: new Map(), logs: [] };

/** Seconds as a person says them: the words of the server. */
function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor(whole / 60) % 60).padStart(2, "0")}m`;
}

function ago(seconds) {
  if (seconds < 10) return "just now";
  if (seconds < 120) return `${Math.floor(seconds)} s ago`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

/** Times count on between two looks at the server. The server's clock is the one that counts. */
function tick() {
  const now = Date.now() + Number(document.body.dataset.skew || 0);
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = ago((now - Date.parse(time.dateTime)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
  for (const time of document.querySelectorAll("[data-since]")) {
    const text = span((now - Number(time.dataset.since)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
}

/** Replaces the parts of the page that are others now. What is open stays open, what has the focus keeps it. */
function take(fresh) {
  for (const part of document.querySelectorAll("[data-part]")) {
    const next = fresh.getElementById(part.id);
    if (!next) continue;
    const html = next.outerHTML;
    const before = page.shown.get(part.id);
    page.shown.set(part.id, html);
    if (html === (before ?? part.outerHTML) || part.contains(document.activeElement)) continue;
    const open = new Set(Array.from(part.querySelectorAll("details[open][id]"), one => one.id));
    const closed = new Set(Array.from(part.querySelectorAll("details:not([open])[id]"), one => one.id));
    const node = document.importNode(next, true);
    for (const one of node.querySelectorAll("details[id]")) {
      if (open.has(one.id)) one.open = true;
      if (closed.has(one.id)) one.open = false;
    }
    part.replaceWith(node);
  }
  document.title = fresh.title;
  const icon = document.querySelector("link[rel=icon]");
  const wanted = fresh.querySelector("link[rel=icon]")?.getAttribute("href");
  if (icon && wanted && icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
  document.body.dataset.live = fresh.body.dataset.live ?? "";
}

/** Reads the page again. Changes that come meanwhile lead to one more look, never to a heap of them. */
async function refresh() {
  if (page.busy) { page.again = true; return; }
  page.busy = true;
  const began = performance.now();
  try {
    const answer = await fetch(location.pathname + location.search, { headers: { accept: "text/html" } });
    if (answer.redirected) { location.reload(); return; }
    if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    tick();
  } catch {
    lost(true);
  } finally {
    // A big page is read less often.
    setTimeout(() => {
      page.busy = false;
      if (page.again) { page.again = false; refresh(); }
    }, Math.max(500, 4 * (performance.now() - began)));
  }
}

function lost(isLost) {
  const told = document.getElementById("connection");
  if (!told || told.hidden === !isLost) return;
  told.hidden = !isLost;
  if (isLost) {
    const now = new Date().toLocaleTimeString();
    told.textContent = `The server does not answer: this is what was known at ${now}. Trying again.`;
  }
}

/** Listens while the page can be seen: a browser has few connections for one server. */
function listen() {
  const live = document.body.dataset.live;
  if (!live || document.hidden || page.source) return;
  const source = new EventSource(live);
  page.source = source;
  let opened = false;
  source.onopen = () => {
    lost(false);
    // Whatever happened while nobody listened.
    if (opened || page.wasHidden) { refresh(); page.logs.forEach(log => log.grown()); }
    opened = true;
  };
  source.onerror = () => lost(true);
  source.addEventListener("change", () => refresh());
  source.addEventListener("log", () => page.logs.forEach(log => log.grown()));
  source.addEventListener("end", () => {
    source.close();
    page.source = null;
    lost(false);
    page.logs.forEach(log => log.grown());
    refresh();
  });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    page.source?.close();
    page.source = null;
    page.wasHidden = true;
  } else listen();
});

// Forms come and go with the parts of the page.
document.addEventListener("submit", event => {
  const asked = event.target.dataset?.confirm;
  if (asked && !confirm(asked)) event.preventDefault();
});

document.body.dataset.skew = String(Number(document.body.dataset.now || Date.now()) - Date.now());
for (const part of document.querySelectorAll("[data-part]")) page.shown.set(part.id, part.outerHTML);
page.logs = openLogs();
tick();
setInterval(tick, 1000);
listen();
