// The waiting room's board: turns its pages where not all cars fit on one, and
// announces each new call large, with a chime and, where the machine can, a voice.
"use strict";

const turnEvery = 8000, announceFor = 8000;
let turn = 0;

// Pages: as many lines as fit are shown, the others take their turn.
function pages() {
  const rows = document.querySelector(".rows"), count = document.getElementById("page");
  const lines = Array.from(rows.querySelectorAll(".line"));
  for (const l of lines) l.hidden = false;
  if (!lines.length) { count.textContent = ""; return; }
  const style = getComputedStyle(rows), gap = parseFloat(style.rowGap) || 0;
  const across = style.gridTemplateColumns.split(" ").length;
  const down = Math.max(1, Math.floor((rows.clientHeight + gap) / (lines[0].offsetHeight + gap)));
  const all = Math.ceil(lines.length / (across * down));
  const from = (turn % all) * across * down;
  lines.forEach((l, i) => { l.hidden = i < from || i >= from + across * down; });
  count.textContent = all > 1 ? turn % all + 1 + " / " + all : "";
}
pages();
setInterval(() => { turn++; pages(); }, turnEvery);
addEventListener("resize", pages);
if (document.fonts) document.fonts.ready.then(pages);

// Calls: those that were there when the page was opened are not news.
const calls = () => Array.from(document.querySelectorAll("[data-call]"));
const known = new Set(calls().map((c) => c.dataset.call));
const queue = [];
let speaking = false;

const quiet = new URLSearchParams(location.search).get("sound") === "0";
const audio = !quiet && window.AudioContext ? new AudioContext() : null;
const button = document.getElementById("sound");
const mayHear = () => { button.hidden = !audio || audio.state === "running"; };
button.addEventListener("click", () => audio.resume().then(mayHear));
if (audio) audio.addEventListener("statechange", mayHear);
mayHear();

function chime() {
  if (!audio || audio.state !== "running") return;
  [[880, 0], [660, 0.35]].forEach(([pitch, after]) => {
    const tone = audio.createOscillator(), volume = audio.createGain(), at = audio.currentTime + after;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.3, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.6);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.7);
  });
}

function say(text, lang) {
  if (quiet || !text || !window.speechSynthesis) return;
  const words = new SpeechSynthesisUtterance(text);
  words.lang = lang;
  speechSynthesis.speak(words);
}

function announce() {
  const call = queue.shift();
  speaking = call !== undefined;
  if (!speaking) return;
  const large = document.getElementById("announce");
  large.replaceChildren(...call.parts);
  large.hidden = false;
  chime();
  for (const [text, lang] of call.says) say(text, lang);
  setTimeout(() => { large.hidden = true; announce(); }, announceFor);
}

document.addEventListener("live", () => {
  pages();
  const present = calls();
  for (const c of present.reverse()) {
    if (known.has(c.dataset.call)) continue;
    queue.push({
      parts: Array.from(c.children, (part) => part.cloneNode(true)),
      says: [[c.dataset.say, document.documentElement.lang], [c.dataset.sayOther, c.dataset.other]],
    });
  }
  known.clear();
  for (const c of present) known.add(c.dataset.call);
  if (!speaking) announce();
});
