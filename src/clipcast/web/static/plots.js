// The overview's plots. Their data is the table beneath them, which screen readers read instead.

function plots() {
  const rows = [...document.querySelectorAll("#days tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
  const days = rows.map(([day]) => Date.parse(`${day}T12:00:00Z`) / 1000);
  const column = (index) => rows.map((row) => (row[index] === "" ? null : Number(row[index])));
  // A canvas takes computed colours only.
  const style = getComputedStyle(document.querySelector("[data-plot]"));
  const grid = { stroke: style.outlineColor, width: 1 };
  const axis = { stroke: style.color, font: `11px ${style.fontFamily}`, grid, ticks: grid };
  const dates = { ...axis, values: (_, splits) => splits.map((at) => new Date(at * 1000).toISOString().slice(5, 10)) };
  const series = {
    counts: [
      { label: "published", stroke: "#15803d", fill: "#15803d66", paths: uPlot.paths.bars({ size: [0.7] }), points: { show: false } },
      { label: "failed", stroke: "#b91c1c", fill: "#b91c1c", paths: uPlot.paths.bars({ size: [0.35] }), points: { show: false } },
    ],
    seconds: [
      { label: "median", stroke: "#1d4ed8", width: 2, spanGaps: true, points: { show: true } },
      { label: "95 %", stroke: "#b45309", width: 2, spanGaps: true, points: { show: true } },
    ],
  };
  const data = { counts: [days, column(1), column(2)], seconds: [days, column(3), column(4)] };
  for (const place of document.querySelectorAll("[data-plot]")) {
    const kind = place.dataset.plot;
    const bounds = (_, __, highest) => [0, highest ? highest * 1.1 : 1];
    const options = {
      width: Math.max(280, place.clientWidth), height: 180, tzDate: (at) => new Date(at * 1000),
      axes: [dates, { ...axis, size: 60 }], scales: { y: { range: bounds } },
      series: [{ label: "day", value: (_, at) => (at ? new Date(at * 1000).toISOString().slice(0, 10) : "–") }, ...series[kind]],
    };
    place.replaceChildren();
    new uPlot(options, data[kind], place);
  }
}
plots();
document.addEventListener("htmx:after:swap", plots);
let redraw;
window.addEventListener("resize", () => {
  clearTimeout(redraw);
  redraw = setTimeout(plots, 200);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", plots);
