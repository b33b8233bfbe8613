// Pages work without this file. It adds live parts, the plate keyboard, the
// proposal of a promise, and a customer's way back to the start.
"use strict";

// Live parts: when the kiosk says that something changed, the page is fetched
// again and its parts marked data-live are exchanged, unless somebody is
// typing in one.
const place = document.body.dataset.place || "";
const home = document.body.dataset.home || "";
let run = document.body.dataset.run; // names the run of the kiosk's program that drew this page
let heard = Number(document.body.dataset.heard || 0); // the counter of answers at our place
let busy = false, again = false;

// What is to be seen of a part: the ids of its forms differ each time it is drawn.
const look = (part) => part.outerHTML.replace(/ value="[^"]*"/g, "");
const drawn = new Map(Array.from(document.querySelectorAll("[data-live]"), (part) => [part.id, look(part)]));

async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (answer.redirected && new URL(answer.url).pathname === "/ask") {
      location.href = answer.url; // the scan asks something
    } else if (answer.ok && !answer.redirected) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const old of document.querySelectorAll("[data-live]")) {
        const now = page.getElementById(old.id);
        if (!now || old.contains(document.activeElement) || drawn.get(old.id) === look(now)) continue;
        drawn.set(old.id, look(now));
        old.replaceWith(now);
      }
      ends();
      document.dispatchEvent(new Event("live"));
    }
  } catch { /* the kiosk restarts; the next change or minute tries again */ }
  busy = false;
  if (again) { again = false; refresh(); }
}

// The start in the language and print that somebody is reading.
function start() {
  const now = new URLSearchParams(location.search), kept = new URLSearchParams();
  for (const name of ["lang", "large"]) if (now.has(name)) kept.set(name, now.get(name));
  return "/" + (kept.size ? "?" + kept : "");
}

const typed = () => Array.from(document.querySelectorAll("input:not([type=hidden])")).some((i) => i.value !== i.defaultValue);

function changed(text) {
  document.body.dataset.listens = "1";
  let said, now;
  try { ({ run: now, said: { [place]: said } } = JSON.parse(text)); } catch { return; }
  // Forms of an earlier run have expired; what somebody has typed stays, and is asked for once more.
  if (now !== run && !typed()) { location.reload(); return; }
  if (now !== run) { run = now; heard = said || 0; return; }
  // What comes first may have been said before this page was drawn.
  const news = said > heard;
  if (news) heard = said;
  // Somebody scanned at the customer's kiosk: the answer is on the start page.
  if (news && home && location.pathname !== "/") { location.href = start(); return; }
  if (document.querySelector("[data-live]")) refresh();
}

// One connection for all tabs of this browser where it can be shared.
if (document.querySelector("[data-live]") || home) {
  const at = home ? "?at=reception" : ""; // while a customer's page is open, a scan is asked about on it
  const listen = () => {
    if (window.SharedWorker) {
      const worker = new SharedWorker("/static/stream.js" + at);
      worker.port.onmessage = (e) => changed(e.data);
      worker.port.start();
      worker.addEventListener("error", () => setTimeout(listen, 1000)); // the kiosk ended before the script came
      return;
    }
    const stream = new EventSource("/stream" + at);
    stream.addEventListener("change", (e) => changed(e.data));
    stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 1000); });
  };
  listen();
  const often = document.body.className === "page-devices" ? 2000 : 30000; // devices change without an event
  setInterval(() => { if (document.querySelector("[data-live]")) refresh(); }, often);
}

// An answer that has been shown long enough goes.
let ending = 0;
function ends() {
  clearTimeout(ending);
  const answer = document.querySelector("[data-ends]");
  if (answer) ending = setTimeout(() => { answer.classList.contains("answer") ? answer.remove() : refresh(); }, Number(answer.dataset.ends) + 50);
}
ends();

// A customer who walks away leaves nothing behind: after a while the page asks
// whether somebody is still there, and then goes back to the start.
const still = document.getElementById("still");
if (still && location.pathname + location.search !== home) {
  let idle = 0, warning = 0;
  const touch = () => {
    clearTimeout(idle);
    clearTimeout(warning);
    if (still.open) still.close();
    idle = setTimeout(() => { still.showModal(); count(Number(still.dataset.warn)); }, Number(document.body.dataset.idle) * 1000);
  };
  const count = (left) => {
    if (!still.open) return;
    still.querySelector(".left").textContent = left;
    if (left <= 0) { location.href = home; return; }
    warning = setTimeout(() => count(left - 1), 1000);
  };
  for (const what of ["pointerdown", "keydown", "scroll", "input"]) {
    addEventListener(what, (e) => { if (!still.open || !still.contains(e.target)) touch(); }, { passive: true });
  }
  still.addEventListener("close", touch);
  touch();
}

// A form is sent once.
addEventListener("submit", (e) => {
  if (e.target.method === "dialog") return;
  if (e.target.dataset.sent) { e.preventDefault(); return; }
  e.target.dataset.sent = "1";
});
addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });

// The keyboard: provinces first where a plate is asked for, then letters and digits.
const keyboard = document.getElementById("keyboard");
if (keyboard) {
  const field = keyboard.parentElement.querySelector(".plate-input");
  field.inputMode = "none";
  const rows = ["1234567890", "QWERTYUP", "ASDFGHJKL", "ZXCVBNM"];
  const provinces = keyboard.dataset.provinces || "";
  const draw = (han) => {
    const lines = han ? provinces.match(/.{1,8}/gu) : rows;
    keyboard.replaceChildren(...lines.map((line, i) => {
      const row = document.createElement("div");
      row.append(...Array.from(line, (c) => key(c, () => { put(c); if (han) draw(false); })));
      if (i === lines.length - 1) {
        if (provinces) row.append(key(han ? keyboard.dataset.letters : keyboard.dataset.more, () => draw(!han), "wide"));
        row.append(key(keyboard.dataset.delete, () => { field.value = Array.from(field.value).slice(0, -1).join(""); if (!field.value && provinces) draw(true); }, "wide"));
      }
      return row;
    }));
  };
  const key = (text, press, kind) => {
    const b = document.createElement("button");
    b.type = "button";
    b.textContent = text;
    if (kind) b.className = kind;
    b.addEventListener("click", press);
    return b;
  };
  const put = (c) => { if (field.value.length < 10) field.value += c; };
  draw(provinces !== "" && !field.value);
  keyboard.hidden = false;
}

// The promise is proposed anew as items are ticked, until somebody changes it.
const proposal = document.querySelector("[data-proposal]");
if (proposal) {
  let own = false;
  proposal.addEventListener("input", () => { own = true; });
  proposal.form.addEventListener("change", async (e) => {
    if (own || e.target.name !== "item") return;
    let minutes = 0;
    for (const item of proposal.form.querySelectorAll("[name=item]:checked")) minutes += Number(item.dataset.minutes);
    const answer = await fetch(proposal.dataset.proposal + "?minutes=" + minutes);
    if (!answer.ok) return;
    const { promise } = await answer.json();
    if (!own) proposal.value = promise; // somebody may have decided in the meantime
  });
}
