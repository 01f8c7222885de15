"use strict";
// Figures under the pointer, and the edges of a node. Everything else works without.
const tip = document.getElementById("tip");
function show(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 4)) + "px";
  tip.style.top = Math.max(4, y - box.height - 12) + "px";
}
function hide() { tip.hidden = true; }

for (const svg of document.querySelectorAll("figure.chart svg")) {
  const lines = [...svg.querySelectorAll("g.line")].map(g => ({
    name: g.dataset.series,
    xs: g.dataset.xs.split(","),
    ys: g.dataset.ys.split(","),
    at: g.dataset.screen.split(",").map(p => p.split(" ").map(Number)),
  }));
  if (lines.length === 0) continue;
  const cursor = svg.querySelector(".cursor");
  svg.addEventListener("pointermove", event => {
    const frame = svg.getBoundingClientRect();
    const x = (event.clientX - frame.left) * 400 / frame.width;
    let best = null;
    for (const line of lines)
      for (const [px] of line.at)
        if (best === null || Math.abs(px - x) < Math.abs(best - x)) best = px;
    const found = [];
    let where = "";
    for (const line of lines) {
      let near = 0;
      line.at.forEach(([px], i) => {
        if (Math.abs(px - best) < Math.abs(line.at[near][0] - best)) near = i;
      });
      if (Math.abs(line.at[near][0] - best) > 3) continue;
      where = line.xs[near];
      found.push(line.name + "  " + line.ys[near]);
    }
    cursor.setAttribute("x1", best);
    cursor.setAttribute("x2", best);
    cursor.classList.add("on");
    show(svg.getAttribute("aria-label").split(" by ").pop() + " " + where + "\n" + found.join("\n"),
         event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", () => { cursor.classList.remove("on"); hide(); });
}

const graph = document.querySelector(".graph svg");
if (graph) {
  const edges = [...graph.querySelectorAll(".edge")];
  for (const node of graph.querySelectorAll(".node")) {
    const id = node.dataset.node;
    node.addEventListener("pointerenter", () => {
      graph.classList.add("dim");
      for (const edge of edges)
        edge.classList.toggle("on", edge.dataset.from === id || edge.dataset.to === id);
    });
    node.addEventListener("pointerleave", () => {
      graph.classList.remove("dim");
      for (const edge of edges) edge.classList.remove("on");
    });
  }
}
