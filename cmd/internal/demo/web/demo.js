"use strict";
const $ = (id) => document.getElementById(id);
let tickets = -1;

async function send(path, fields) {
  const res = await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  return res.ok ? res.json() : { good: false, text: await res.text() };
}

function paper(n) {
  if (n === tickets) return;
  tickets = n;
  const box = $("paper");
  box.replaceChildren();
  for (let i = 0; i < Math.min(n, 4); i++) {
    const img = new Image();
    img.src = "/paper/" + i + "?" + n;
    img.alt = "ticket " + (n - i);
    box.append(img);
  }
}

async function look() {
  try {
    const s = await (await fetch("/state")).json();
    $("now").textContent = s.now;
    for (const [bay, lamp] of Object.entries(s.lamps)) {
      $("lamp-" + bay).className = "lamp " + lamp.Colour;
      $("word-" + bay).textContent = lamp.Words;
    }
    paper(s.tickets);
  } catch {
    $("now").textContent = "—";
  }
  setTimeout(look, 400);
}

for (const b of document.querySelectorAll("[data-rate]")) {
  b.addEventListener("click", async () => {
    await send("/rate", { rate: b.dataset.rate });
    for (const o of document.querySelectorAll("[data-rate]")) o.setAttribute("aria-pressed", o === b);
  });
}
for (const b of document.querySelectorAll("[data-code]")) {
  b.addEventListener("click", () => { $("scan").elements.text.value = b.dataset.code; });
}
$("scan").addEventListener("submit", async (e) => {
  e.preventDefault();
  const f = $("scan").elements;
  const twice = e.submitter && e.submitter.name === "twice" ? "1" : "";
  $("beep").textContent = (await send("/scan", { place: f.place.value, text: f.text.value, twice })).text;
});
for (const b of document.querySelectorAll("[data-trick]")) {
  b.addEventListener("click", async () => {
    b.disabled = true;
    $("trick").textContent = "…";
    const a = await send("/trick", { what: b.dataset.trick });
    $("trick").textContent = a.text || "✓";
    b.disabled = false;
  });
}

async function count() {
  try {
    const res = await fetch("/count");
    if (res.ok) {
      const n = await res.json();
      for (const k of ["owed", "arrived", "on_way", "outbox", "lost", "twice"]) $(k).textContent = n[k];
      document.querySelector('[data-trick="broker"]').setAttribute("aria-pressed", !n.broker);
      document.querySelector('[data-trick="card"]').setAttribute("aria-pressed", n.copied);
    }
  } catch { /* the demo has ended */ }
  setTimeout(count, 1000);
}
count();
look();
