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
  $("beep").textContent = (await send("/scan", { place: f.place.value, text: f.text.value })).text;
});
look();
