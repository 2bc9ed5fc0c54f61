"use strict";
(() => {
  const TEXT = { light: "#1b1f24", dark: "#e4e7eb" };
  const LABEL = { light: "#ffffff", dark: "#262d35" }; // behind what is said of a point
  const PAPER = { width: 395, flat: 0.85 }; // pixels on a printed page, which zooms them, and a share

  const dark = matchMedia("screen and (prefers-color-scheme: dark)");
  const paper = matchMedia("print");
  const fingers = matchMedia("(hover: none)");
  let printing = false;
  let opened = []; // what was closed before it was printed

  const plots = [...document.querySelectorAll(".plot")];
  const given = new Map(); // id -> what the page holds of a figure
  const drawn = new WeakMap(); // plot -> a promise

  const kept = (id) => {
    if (!given.has(id)) given.set(id, JSON.parse(document.getElementById(id).textContent));
    return given.get(id);
  };
  const read = (plot) => kept(plot.dataset.from);

  const theme = () => (dark.matches && !printing ? "dark" : "light");

  const colours = () => ({
    "font.color": TEXT[theme()],
    "hoverlabel.bgcolor": LABEL[theme()],
    "hoverlabel.font.color": TEXT[theme()],
    "modebar.bgcolor": "rgba(0,0,0,0)",
    "modebar.color": "rgba(128,128,128,.7)",
    "modebar.activecolor": TEXT[theme()],
  });

  const draw = (plot) => {
    if (!drawn.has(plot)) drawn.set(plot, begin(plot));
    return drawn.get(plot);
  };

  const begin = async (plot) => {
    try {
      const { figure, file } = read(plot);
      const layout = { ...figure.layout, autosize: true };
      delete layout.width;
      if (fingers.matches) layout.dragmode = false; // they scroll the page
      const config = {
        displaylogo: false,
        displayModeBar: fingers.matches ? false : "hover",
        modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
        responsive: true,
        toImageButtonOptions: { format: "svg", filename: file },
      };
      const said = Plotly.newPlot(plot, figure.data, layout, config);
      const recoloured = Plotly.relayout(plot, colours()); // at once, before anything is awaited
      await said;
      await recoloured;
      plot.dataset.state = "drawn";
    } catch (error) {
      plot.dataset.state = "failed";
      plot.textContent = "This figure could not be drawn in this browser.";
      console.error(error);
    }
  };

  const recolour = () => {
    for (const plot of plots) if (drawn.has(plot)) Plotly.relayout(plot, colours());
  };

  // Everything is open, light and as wide as a page while it is printed.
  const print = () => {
    if (printing) return;
    printing = true;
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const each of opened) each.open = true;
    for (const plot of plots) {
      draw(plot);
      const size = { width: PAPER.width, height: Math.round(read(plot).height * PAPER.flat) };
      Plotly.relayout(plot, { ...colours(), autosize: false, ...size });
    }
  };

  const screen = () => {
    if (!printing) return;
    printing = false;
    for (const each of opened) each.open = false;
    opened = [];
    for (const plot of plots) {
      if (!drawn.has(plot)) continue;
      const size = { autosize: true, width: null, height: read(plot).height };
      Plotly.relayout(plot, { ...colours(), ...size });
    }
  };

  addEventListener("beforeprint", print);
  addEventListener("afterprint", screen);
  paper.addEventListener("change", () => (paper.matches ? print() : screen()));
  dark.addEventListener("change", recolour);

  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    },
    { rootMargin: "300px" },
  );
  for (const plot of plots) seen.observe(plot);
  if (paper.matches) print();

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-csv]");
    if (!button) return;
    const { csv, file } = kept(button.dataset.csv);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv;charset=utf-8" }));
    link.download = `${file}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  // A link into what is closed opens it.
  const open = () => {
    const at = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const closed = at && at.closest("details");
    if (closed) closed.open = true;
    if (at) at.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
})();
