// uPlot, wrapped: two lines over time, gaps where nothing is known, colours of the page.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { percent } from "./format";

export type Sample = [number, number | null, number | null];

const HEIGHT_PX = 280;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const DAY_S = 86_400;
const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Midnight is told as its date, everything else as a time of day. */
function moments(_: uPlot, splits: number[], __: number, ___: number, step: number): string[] {
  return splits.map((at) => {
    const then = new Date(at * 1000);
    const midnight = then.getHours() === 0 && then.getMinutes() === 0;
    return step >= DAY_S || midnight ? day.format(then) : hour.format(then);
  });
}

const shown = (_: uPlot, value: number | null): string => percent(value);

function options(width: number): uPlot.Options {
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const line = { width: 2, points: { show: false }, value: shown };
  return {
    width,
    height: HEIGHT_PX,
    scales: { y: { range: [0, 100] } },
    axes: [
      { ...axis, values: moments, space: 70 },
      { ...axis, size: 48, values: (_, splits) => splits.map(percent) },
    ],
    series: [
      { value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
      { ...line, label: "5-hour", stroke: colour("--chart-a"), fill: colour("--chart-a-fill") },
      { ...line, label: "Weekly", stroke: colour("--chart-b") },
    ],
    cursor: { y: false },
  };
}

/** Draws into an element until the result is called; follows its width and the colour scheme. */
export function draw(element: HTMLElement, rows: Sample[]): () => void {
  const data: uPlot.AlignedData = [
    rows.map((row) => row[0] / 1000),
    rows.map((row) => row[1]),
    rows.map((row) => row[2]),
  ];
  let plot = new uPlot(options(element.clientWidth), data, element);
  const follow = new ResizeObserver(() =>
    plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
  );
  follow.observe(element);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => {
    plot.destroy();
    plot = new uPlot(options(element.clientWidth), data, element);
  };
  scheme.addEventListener("change", recolour);
  return () => {
    scheme.removeEventListener("change", recolour);
    follow.disconnect();
    plot.destroy();
  };
}
