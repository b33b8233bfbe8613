// Fetches the live part of the page again when the stream says that something
// changed, and every 15 seconds, because promises fall due without an event.
"use strict";
const live = document.getElementById("live"), offline = document.getElementById("offline");
let busy = false, again = false;

async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  const began = performance.now();
  try {
    const url = new URL(location.href);
    url.searchParams.set("part", "live");
    const answer = await fetch(url, { cache: "no-store" });
    if (answer.redirected) { location.reload(); return; }
    if (!answer.ok) throw new Error(answer.status);
    const at = document.activeElement?.closest("#live a, #live [tabindex]"), all = () => [...live.querySelectorAll("a, [tabindex]")], place = at ? all().indexOf(at) : -1;
    live.innerHTML = await answer.text();
    if (place >= 0) all()[place]?.focus({ preventScroll: true }); // who moves by keyboard stays where they are
    offline.hidden = true;
  } catch {
    offline.hidden = false;
  } finally {
    busy = false;
    if (again) { again = false; setTimeout(refresh, Math.min(100, performance.now() - began)); } // half the time at most
  }
}

function listen() {
  const stream = new EventSource("/stream" + location.search);
  stream.onmessage = refresh;
  stream.onopen = refresh;
  stream.onerror = () => {
    offline.hidden = false;
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000); // refused, not lost: a browser does not try that again
  };
}
listen();
setInterval(refresh, 15000);
