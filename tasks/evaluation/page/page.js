"use strict";
(function () {
  const data = JSON.parse(document.getElementById("evaluation").textContent);
  const root = document.documentElement;
  const chosen = { metric: data.judged_by.split("@")[0], k: data.judged_by.split("@")[1] };
  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const each = (selector, act) => document.querySelectorAll(selector).forEach(act);
  const title = (system) => data.titles[system] || system;
  const fixed = (value, signed) => (signed && value > 0 ? "+" : "") + value.toFixed(4).replace("-", "−");

  function layout(extra) {
    const axis = () => ({
      gridcolor: colour("line"), linecolor: colour("line"), zerolinecolor: colour("line"),
      fixedrange: true, automargin: true, ticks: "", tickangle: 0, tickfont: { size: 12 },
    });
    const made = Object.assign(
      {
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, showlegend: false, height: 320,
        font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("muted") },
        margin: { l: 8, r: 12, t: 8, b: 36 },
        hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink"), size: 13 } },
      },
      extra,
    );
    made.xaxis = Object.assign(axis(), extra.xaxis);
    made.yaxis = Object.assign(axis(), extra.yaxis);
    return made;
  }

  function draw(id, traces, extra) {
    const place = document.getElementById(id);
    if (place) Plotly.react(place, traces, layout(extra), { displayModeBar: false, responsive: true, displaylogo: false });
  }

  /* Rows of a dot with its interval, the best on top. row: {name, value, low, high, colour, own} */
  function dots(id, rows, signed) {
    const hover = "<b>%{y}</b><br>%{customdata}<extra></extra>";
    const trace = {
      type: "scatter", mode: "markers", hovertemplate: hover,
      x: rows.map((r) => r.value), y: rows.map((r) => r.name),
      customdata: rows.map((r) => `${fixed(r.value, signed)}  (95 %: ${fixed(r.low, signed)} to ${fixed(r.high, signed)})`),
      marker: { size: rows.map((r) => (r.own ? 14 : 10)), color: rows.map((r) => r.colour), opacity: 1, line: { width: 2, color: colour("card") } },
    };
    const intervals = rows.map((r) => ({
      type: "scatter", mode: "lines", x: [r.low, r.high], y: [r.name, r.name], hoverinfo: "skip",
      line: { color: r.colour, width: r.own ? 7 : 5 }, opacity: 0.35,
    }));
    const numbers = rows.map((r) => ({
      x: 1, xref: "paper", xanchor: "left", xshift: 8, y: r.name, showarrow: false, align: "right",
      text: r.own ? `<b>${fixed(r.value, signed)}</b>` : fixed(r.value, signed),
      font: { color: r.own ? colour("accent") : colour("ink"), size: 13 },
    }));
    const ends = [0, ...rows.flatMap((r) => [r.low, r.high])];
    const room = 0.04 * (Math.max(...ends) - Math.min(...ends) || 1);
    const range = [Math.min(...ends) - (signed ? room : 0), Math.max(...ends) + room];
    draw(id, [...intervals, trace], {
      height: 66 + 36 * rows.length, margin: { l: 8, r: 66, t: 6, b: 34 }, annotations: numbers,
      xaxis: { range, zeroline: signed, zerolinewidth: 2, zerolinecolor: colour("muted"), nticks: innerWidth < 640 ? 4 : 6 },
      yaxis: { type: "category", categoryarray: rows.map((r) => r.name), autorange: "reversed", showgrid: false, tickfont: { size: 13, color: colour("ink") } },
    });
  }

  function comparison(task, of) {
    const key = `${chosen.metric}@${chosen.k}`;
    const rows = Object.entries(of.systems).filter(([, found]) => found[key]).map(([name, found]) => ({
      ...found[key], name: title(name), own: name === "shoprec",
      colour: colour(name === "shoprec" ? "accent" : name === of.best_retriever ? "best" : "other"),
    }));
    rows.sort((a, b) => b.value - a.value);
    dots(`systems-${task}`, rows, false);
    const lifts = Object.entries(of.lifts).map(([name, found]) => ({
      ...found[key], name: title(name), own: false,
      colour: colour(found[key].low > 0 ? "good" : found[key].high < 0 ? "bad" : "other"),
    }));
    lifts.sort((a, b) => a.value - b.value);
    if (lifts.length) dots(`lifts-${task}`, lifts, true);
    each("[data-metric-title]", (e) => { e.textContent = data.metric_titles[chosen.metric] + "@" + chosen.k; });
  }

  function recallByLength(task, of) {
    const names = Object.keys(of.recall_by_length).filter((name) => name !== "shoprec");
    names.sort((a, b) => of.recall_by_length[b].at(-1) - of.recall_by_length[a].at(-1));
    const line = (y, name, style, width, extra) => Object.assign(
      { type: "scatter", mode: "lines", x: y.map((_, i) => i + 1), y, name, line: { color: style, width }, hovertemplate: "%{y:.3f}" }, extra);
    const traces = [line(of.ceilings.perfect, "perfect ranking of the candidates", colour("muted"), 2, {})];
    traces[0].line.dash = "dot";
    traces.push(line(of.recall_by_length.shoprec, title("shoprec"), colour("accent"), 4, {}));
    names.forEach((name) => {
      const shade = name === of.best_retriever ? 1 : 2 + (data.systems.indexOf(name) % 6);
      traces.push(line(of.recall_by_length[name], title(name), colour(`s${shade}`), 2, {}));
    });
    const key = document.getElementById(`key-${task}`);
    key.replaceChildren(...traces.map((trace) => {
      const entry = document.createElement("span"), mark = document.createElement("i");
      entry.className = "key";
      mark.className = trace.line.dash ? "dotted" : "stroke";
      mark.style.setProperty("--c", trace.line.color);
      entry.append(mark, trace.name);
      return entry;
    }));
    const highest = Math.max(of.ceilings.perfect.at(-1), ...traces.slice(1).flatMap((trace) => trace.y));
    draw(`recall-${task}`, traces, {
      height: 340, hovermode: "x unified", margin: { l: 8, r: 12, t: 8, b: 44 },
      xaxis: { title: { text: "length of the list, k", standoff: 8, font: { size: 13 } }, range: [1, of.ceilings.perfect.length], unifiedhovertitle: { text: "first %{x}" }, showgrid: false },
      yaxis: { range: [0, 1.15 * highest], nticks: 6 },
    });
  }

  function importance(task, of) {
    const rows = of.importance.slice(0, 18).reverse();
    draw(`importance-${task}`, [{
      type: "bar", orientation: "h", x: rows.map((r) => r.share), y: rows.map((r) => r.feature),
      marker: { color: colour("accent"), opacity: 0.85, cornerradius: 3 }, hovertemplate: "<b>%{y}</b><br>%{x:.1%} of all gain<extra></extra>",
    }], {
      height: 50 + 23 * rows.length, bargap: 0.35,
      xaxis: { tickformat: ".0%", nticks: 5 },
      yaxis: { type: "category", showgrid: false, tickfont: { size: innerWidth < 640 ? 10 : 12, color: colour("ink"), family: "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" } },
    });
  }

  function calibration(task, of) {
    const rows = of.calibration.filter((r) => r.bought > 0);
    draw(`calibration-${task}`, [{
      type: "scatter", mode: "lines+markers", x: rows.map((r) => r.score), y: rows.map((r) => r.bought),
      error_y: { type: "data", symmetric: false, array: rows.map((r) => r.high - r.bought), arrayminus: rows.map((r) => r.bought - r.low), color: colour("accent"), thickness: 1.5, width: 0 },
      line: { color: colour("accent"), width: 1.5 }, marker: { color: colour("accent"), size: 9 },
      customdata: rows.map((r) => [r.group, r.size.toLocaleString("en"), r.low, r.high]),
      hovertemplate: "<b>%{customdata[0]} by score</b><br>%{y:.2%} bought (95 %: %{customdata[2]:.2%} to %{customdata[3]:.2%})<br>%{customdata[1]} candidates<extra></extra>",
    }], {
      height: 340, margin: { l: 8, r: 12, t: 8, b: 44 },
      xaxis: { title: { text: "the ranker's score", standoff: 8, font: { size: 13 } }, showgrid: false, zeroline: false },
      yaxis: { type: "log", tickformat: "~%", dtick: 1, nticks: 6 },
    });
  }

  function drawAll() {
    Object.entries(data.tasks).forEach(([task, of]) => {
      [comparison, recallByLength, importance, calibration].forEach((chart) => chart(task, of));
    });
  }

  each(".segments button", (button) => button.addEventListener("click", () => {
    chosen[button.dataset.choice] = button.value;
    each(`.segments button[data-choice="${button.dataset.choice}"]`, (b) => b.setAttribute("aria-pressed", String(b === button)));
    Object.entries(data.tasks).forEach(([task, of]) => comparison(task, of));
  }));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = (theme) => { root.dataset.theme = theme; drawAll(); };
  dark.addEventListener("change", () => paint(dark.matches ? "dark" : "light"));
  document.getElementById("theme").addEventListener("click", () => paint(root.dataset.theme === "dark" ? "light" : "dark"));
  paint(dark.matches ? "dark" : "light");
})();
