"use strict";
(function () {
  const data = JSON.parse(document.getElementById("looks").textContent);
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const number = (value) => (value === null ? "–" : Math.abs(value) < 10 ? value.toFixed(4) : Math.round(value).toString());

  function hover(point) {
    const band = point.bound === null ? "no bound yet" : `${point.quality ? "alarm below" : "alarm above"} ${number(point.bound)}`;
    const plain = point.says.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
    const wrapped = plain.replace(/(.{1,60})(\s|$)/g, "$1<br>");
    return `<b>week to ${point.end}</b>, version ${point.version}<br>${number(point.value)}, ${band}<br>${wrapped}`;
  }

  /* The band as one step a look: from the bound down to 0, or, of quality, from the bound up to the top. */
  function traces(points) {
    const x = points.map((p) => p.end), many = points.length > 1, quality = points[0].quality;
    const top = Math.max(...points.map((p) => Math.max(p.high || p.value, p.bound || 0, p.usual || 0))) * 1.15 || 1;
    const known = points.filter((p) => p.bound !== null);
    const line = (key, name, dash, shown = points) => ({
      type: "scatter", mode: shown.length > 1 ? "lines" : "markers", x: shown.map((p) => p.end), y: shown.map((p) => p[key]), name, hoverinfo: "skip",
      line: { color: colour(name), width: 1.5, dash, shape: "hvh" },
      marker: { symbol: "line-ew-open", size: 26, color: colour(name) },
    });
    const bound = line("bound", "good", "solid", known);
    const edge = { ...bound, y: known.map(() => (quality ? top : 0)), line: { width: 0, shape: "hvh" }, marker: { size: 0, opacity: 0 } };
    const band = { ...bound, fill: "tonexty", fillcolor: colour("good-soft") };
    const value = {
      type: "scatter", mode: many ? "lines+markers" : "markers", x, y: points.map((p) => p.value),
      text: points.map(hover), hovertemplate: "%{text}<extra></extra>", line: { color: colour("accent"), width: 2 },
      marker: { size: points.map((p) => (p.status === "breach" ? 11 : 6)), color: points.map((p) => colour(p.status === "breach" ? "bad" : "accent")) },
    };
    if (quality) {
      const ends = (key, sign) => points.map((p) => (p[key] === null ? 0 : sign * (p[key] - p.value)));
      value.error_y = { type: "data", symmetric: false, array: ends("high", 1), arrayminus: ends("low", -1), color: colour("accent"), thickness: 1.2, width: 0 };
    }
    return { drawn: [edge, band, line("usual", "muted", "dot"), value], top };
  }

  function draw(place) {
    const points = data.points[place.dataset.measure];
    if (!points) return;
    const { drawn, top } = traces(points);
    const ends = points.map((p) => p.end);
    const pad = (day, days) => new Date(Date.parse(day) + days * 864e5).toISOString().slice(0, 10);
    const axis = { gridcolor: colour("line"), linecolor: colour("line"), zerolinecolor: colour("line"), fixedrange: true, ticks: "", tickfont: { size: 11 } };
    const shapes = data.changes.map((c) => ({
      type: "line", xref: "x", yref: "paper", x0: pad(c.end, -3.5), x1: pad(c.end, -3.5), y0: 0, y1: 1, line: { color: colour("best"), width: 1.5, dash: "dot" },
    }));
    const layout = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, showlegend: false, shapes,
      height: points[0].quality ? 260 : 170, margin: { l: 46, r: 8, t: 8, b: 24 },
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("muted") },
      hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), align: "left", font: { color: colour("ink"), size: 12 } },
      xaxis: { ...axis, type: "date", range: [pad(ends[0], -4), pad(ends[ends.length - 1], 4)], nticks: 5, tickformat: ends.length > 20 ? "%b %Y" : "%-d %b", tickangle: 0 },
      yaxis: { ...axis, range: [0, top], nticks: 5 },
    };
    Plotly.react(place, drawn, layout, { displayModeBar: false, responsive: true, displaylogo: false });
  }

  const all = () => document.querySelectorAll(".chart[data-measure]").forEach(draw);
  if (window.matchMedia("(prefers-color-scheme: dark)").matches) root.dataset.theme = "dark";
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    all();
  });
  all();
})();
