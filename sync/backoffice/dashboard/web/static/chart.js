// Puts uPlot in the place of the bars that the page brought along. The data stand
// in the figure's own attribute.
"use strict";
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function shown(kind, unit) {
  return (v) => v == null ? "—" : kind === "percent" ? (v * 100).toFixed(1) + "%" : kind === "decimal" ? v.toFixed(1) : unit ? v + " " + unit : String(v);
}

function draw(figure) {
  const data = JSON.parse(figure.dataset.chart), place = figure.querySelector(".plot");
  const accent = css("--accent"), soft = css("--soft"), hair = css("--hair");
  const xs = data.labels.map((_, i) => i), text = shown(data.kind, data.unit);
  const font = "12px " + getComputedStyle(document.body).fontFamily;
  const line = data.by === "day" && data.labels.length > 2 && data.kind !== "count";
  const bars = uPlot.paths.bars({ size: [0.6, 60], radius: 0.15 });
  const series = [
    { label: " ", value: (_, v) => v == null ? "" : data.labels[v] },
    { label: data.name, stroke: accent, width: line ? 2 : 1, fill: line ? accent + "18" : accent, paths: line ? undefined : bars, points: { show: line }, spanGaps: false, value: (_, v) => text(v) },
  ];
  const values = [xs, data.now];
  if (data.was) {
    series.push({ label: data.before, stroke: "#b9812c", width: 1.5, dash: [5, 4], paths: data.by === "day" ? undefined : () => null, points: { show: data.by !== "day" || data.labels.length < 3, size: 8 }, value: (_, v) => text(v) });
    values.push(xs.map((i) => data.was[i] ?? null));
  }
  const step = Math.max(1, Math.ceil(data.labels.length / Math.max(2, Math.floor(place.clientWidth / 90))));
  const aim = (u) => { // the target, across whatever is shown; the caption says how much it is
    if (data.target == null) return;
    const y = Math.round(u.valToPos(data.target, "y", true)), c = u.ctx;
    c.save(); c.strokeStyle = "#174ea6"; c.lineWidth = 1.5 * devicePixelRatio; c.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    c.beginPath(); c.moveTo(u.bbox.left, y); c.lineTo(u.bbox.left + u.bbox.width, y); c.stroke(); c.restore();
  };
  const high = (max) => Math.max(max ?? 0, data.target ?? 0);
  const plot = new uPlot({ hooks: { draw: [aim] },
    width: place.clientWidth, height: 210, series, cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: false, range: [-0.6, data.labels.length - 0.4] }, y: { range: (_u, min, max) => [Math.min(0, (min ?? 0) * 1.12), data.kind === "percent" ? Math.max(0.1, high(max) > 0.93 && high(max) <= 1 ? 1.02 : high(max) * 1.08) : Math.max(1, high(max) * 1.12)] } },
    axes: [
      { stroke: soft, font, grid: { show: false }, ticks: { show: false }, splits: () => xs.filter((i) => i % step === 0), values: (_, s) => s.map((i) => data.labels[i]) },
      { stroke: soft, font, size: 52, grid: { stroke: hair, width: 1 }, ticks: { show: false }, values: (_, s) => s.map((v) => data.kind === "percent" ? Math.round(v * 100) + "%" : Number.isInteger(v) ? v : "") },
    ],
  }, values, (u, init) => { place.replaceChildren(); place.style.paddingLeft = 0; place.append(u.root); init(); });
  new ResizeObserver(() => { if (place.clientWidth) plot.setSize({ width: place.clientWidth, height: 210 }); }).observe(figure);
}

for (const figure of document.querySelectorAll("figure.chart")) if (!figure.closest(".paper")) draw(figure);
