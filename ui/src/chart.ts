// uPlot, wrapped: two lines over time, gaps where nothing is known, colours of the page.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { OtherHistory } from "./bindings";
import { date, percent } from "./format";

export type Sample = [number, number | null, number | null];

/** A span of time: its first and last second since 1970. */
export type Span = [number, number];

const HEIGHT_PX = 280;
/** With fewer readings each is drawn as a point, too: one alone makes no line. */
const POINTS_BELOW = 50;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const DAY_S = 86_400;
const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Midnight is told as its date, everything else as a time of day. */
function moments(_: uPlot, splits: number[], __: number, ___: number, step: number): string[] {
  return splits.map((at) => {
    const then = new Date(at * 1000);
    const midnight = then.getHours() === 0 && then.getMinutes() === 0;
    return step >= DAY_S || midnight ? date(at * 1000) : hour.format(then);
  });
}

const shown = (_: uPlot, value: number | null): string => percent(value);

/** The picture reaches over the whole span, however few readings there are in it. */
export function scales(span: Span): uPlot.Scales {
  return { x: { range: () => span }, y: { range: [0, 100] } };
}

/** A window that none of the readings told of has no line. */
export function told(rows: Sample[]): { short: boolean; week: boolean } {
  return {
    short: rows.some((row) => row[1] !== null),
    week: rows.some((row) => row[2] !== null),
  };
}

function options(width: number, rows: Sample[], others: OtherHistory[], span: Span): uPlot.Options {
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
    font: "12px system-ui, sans-serif",
  };
  const line = { width: 2, points: { show: rows.length < POINTS_BELOW }, value: shown };
  const { short, week } = told(rows);
  return {
    width,
    height: HEIGHT_PX,
    scales: scales(span),
    axes: [
      { ...axis, values: moments, space: 70 },
      { ...axis, size: 56, values: (_, splits) => splits.map(percent) },
    ],
    series: [
      { value: "{YYYY}-{MM}-{DD} {HH}:{mm}" },
      {
        ...line,
        label: "5-hour",
        show: short,
        stroke: colour("--chart-a"),
        fill: colour("--chart-a-fill"),
      },
      { ...line, label: "Weekly", show: week, stroke: colour("--chart-b") },
      ...others.map((other, index) => ({
        ...line,
        label: other.kind,
        stroke: colour("--muted"),
        dash: [4 + 2 * index, 4],
      })),
    ],
    cursor: { y: false },
  };
}

/** Draws into an element until the result is called; follows its width and the colour scheme. */
export function draw(
  element: HTMLElement,
  rows: Sample[],
  others: OtherHistory[],
  span: Span,
): () => void {
  const data: uPlot.AlignedData = [
    rows.map((row) => row[0] / 1000),
    rows.map((row) => row[1]),
    rows.map((row) => row[2]),
    ...others.map((other) => other.used),
  ];
  let plot = new uPlot(options(element.clientWidth, rows, others, span), data, element);
  const follow = new ResizeObserver(() =>
    plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
  );
  follow.observe(element);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => {
    plot.destroy();
    plot = new uPlot(options(element.clientWidth, rows, others, span), data, element);
  };
  scheme.addEventListener("change", recolour);
  return () => {
    scheme.removeEventListener("change", recolour);
    follow.disconnect();
    plot.destroy();
  };
}
