"use strict";
(() => {
  // plotly.js lies packed in the page, at less than half its size; the page's policy knows its hash.
  const unpack = async () => {
    const packed = atob(document.getElementById("plotly").textContent.trim());
    const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(plain).text();
    document.head.append(script);
  };

  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const places = Object.keys(figures).map((id) => document.getElementById(`plot-${id}`));

  // What a plot takes from the page: the colours of its text and its lines.
  const themed = () => {
    const style = getComputedStyle(document.documentElement);
    const [text, rule] = ["--text", "--rule"].map((name) => style.getPropertyValue(name).trim());
    const found = { "font.color": text, "font.size": 12, "font.family": "system-ui, sans-serif" };
    for (const axis of ["xaxis", "yaxis"]) {
      Object.assign(found, { [`${axis}.gridcolor`]: rule, [`${axis}.linecolor`]: rule, [`${axis}.zerolinecolor`]: rule });
    }
    return found;
  };

  const config = { responsive: true, displaylogo: false, modeBarButtons: [["toImage", "zoom2d", "resetScale2d"]] };
  const draw = ([id, figure]) => {
    const place = document.getElementById(`plot-${id}`);
    Plotly.newPlot(place, figure.data, figure.layout, config)
      .then(() => Plotly.relayout(place, themed()))
      .then(() => place.classList.add("drawn"));
    place.on("plotly_click", (event) => {
      const cell = event.points[0].customdata;
      if (Number.isInteger(cell)) window.location.hash = `cell-${cell}`;
    });
  };
  if ("DecompressionStream" in window) {
    unpack().then(() => {
      Object.entries(figures).forEach(draw);
      dark.addEventListener("change", () => places.forEach((place) => Plotly.relayout(place, themed())));
    });
  } else {
    document.getElementById("old-browser").hidden = false;
  }

  for (const button of document.querySelectorAll("button[data-method]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      const group = button.closest(".legend").nextElementSibling;
      for (const place of group.querySelectorAll(".canvas")) {
        const traces = place.data.flatMap((trace, number) => (trace.legendgroup === button.dataset.method ? [number] : []));
        if (traces.length) Plotly.restyle(place, { visible: shown }, traces);
      }
    });
  }

  // A link to a trial opens it.
  const open = () => {
    const target = window.location.hash && document.getElementById(decodeURIComponent(window.location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
    if (target) target.scrollIntoView();
  };
  window.addEventListener("hashchange", open);
  open();
})();
