/** Charts as SVG text: lines over time or percentiles, and a heat map. No script and nothing from elsewhere. */

export interface Series {
  readonly name: string;
  /** x and y, x rising. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface ChartTexts {
  readonly title: string;
  readonly xLabel: string;
  readonly showX: (value: number) => string;
  readonly showY: (value: number) => string;
  /** Default linear, from 0. */
  readonly isLogY?: boolean;
  /** x values to mark; default: five evenly spaced. */
  readonly xMarks?: readonly number[];
}

const width = 720;
const height = 240;
const left = 78;
const right = 12;
const top = 12;
const bottom = 34;
/** More points than this do not show. */
export const pointsMax = 600;

/** Colours that those who see colours differently tell apart (Okabe and Ito); each line also has its own dashes. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#b8a800"];
const dashes = ["", "6 3", "2 3", "8 3 2 3", "", "6 3", "2 3", "8 3 2 3"];

export function lineChart(series: readonly Series[], texts: ChartTexts): string {
  const drawn = series.map(({ name, points }) => ({ name, points: thin(points) }));
  const all = drawn.flatMap(({ points }) => points);
  const { title, xLabel } = texts;
  if (all.length === 0) return `<figure><figcaption>${escapeHtml(title)}</figcaption><p>nothing measured</p></figure>`;
  const scales = scalesOf(all, texts);
  const lines = drawn.map(({ points }, index) => {
    const path = points.map(([x, y]) => `${scales.x(x).toFixed(1)},${scales.y(y).toFixed(1)}`).join(" ");
    const dash = dashes[index % dashes.length];
    const style = `fill="none" stroke="${colours[index % colours.length]}" stroke-width="1.6"`;
    return `<polyline points="${path}" ${style}${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`;
  });
  const legend = drawn.map(
    ({ name }, index) =>
      `<span><i style="background:${colours[index % colours.length]}"></i>${escapeHtml(name)}</span>`,
  );
  return [
    `<figure><figcaption>${escapeHtml(title)}</figcaption>`,
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">`,
    ...axes(scales, texts),
    ...lines,
    `<text x="${(left + width - right) / 2}" y="${height - 2}" text-anchor="middle">${escapeHtml(xLabel)}</text></svg>`,
    `<p class="legend">${legend.join("")}</p>`,
    tableOf(drawn, texts),
    "</figure>",
  ].join("\n");
}

interface Scales {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly xMarks: readonly number[];
  readonly yMarks: readonly number[];
}

function scalesOf(points: readonly (readonly [number, number])[], { isLogY, xMarks }: ChartTexts): Scales {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [xMin, xMax] = [xs.reduce((a, b) => Math.min(a, b)), xs.reduce((a, b) => Math.max(a, b))];
  const yTop = ys.reduce((a, b) => Math.max(a, b)) || 1;
  const span = xMax - xMin || 1;
  const x = (value: number) => left + ((value - xMin) / span) * (width - left - right);
  const marks = xMarks ?? [0, 0.25, 0.5, 0.75, 1].map((share) => xMin + share * span);
  const room = height - top - bottom;
  if (isLogY !== true) {
    const step = niceStep(yTop / 4);
    const yMax = Math.ceil(yTop / step) * step;
    const yMarks = Array.from({ length: Math.round(yMax / step) + 1 }, (_, index) => index * step);
    return { x, y: (value) => top + room - (value / yMax) * room, xMarks: marks, yMarks };
  }
  const positive = ys.filter((value) => value > 0);
  const low = Math.floor(Math.log10(positive.length === 0 ? 1 : positive.reduce((a, b) => Math.min(a, b))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(yTop)));
  const y = (value: number) => {
    const share = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
    return top + room - share * room;
  };
  return { x, y, xMarks: marks, yMarks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)) };
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const lead = step / power;
  return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
}

function axes({ x, y, xMarks, yMarks }: Scales, { showX, showY }: ChartTexts): readonly string[] {
  return [
    ...yMarks.map((value) => {
      const at = y(value).toFixed(1);
      const line = `<line x1="${left}" x2="${width - right}" y1="${at}" y2="${at}" class="grid"/>`;
      return `${line}<text x="${left - 6}" y="${at}" dy="4" text-anchor="end">${escapeHtml(showY(value))}</text>`;
    }),
    ...xMarks.map((value) => {
      const at = x(value).toFixed(1);
      return `<text x="${at}" y="${height - bottom + 15}" text-anchor="middle">${escapeHtml(showX(value))}</text>`;
    }),
  ];
}

/** The same numbers for those who do not see the chart; at most 50 rows. */
function tableOf(series: readonly Series[], { xLabel, showX, showY }: ChartTexts): string {
  const longest = series.reduce((a, b) => (b.points.length > a.points.length ? b : a));
  const every = Math.max(1, Math.ceil(longest.points.length / 50));
  const rows = longest.points
    .map((point, index) => ({ x: point[0], index }))
    .filter(({ index }) => index % every === 0)
    .map(({ x, index }) => {
      const cells = series.map(({ points }) => (points[index] === undefined ? "" : showY(points[index][1])));
      return `<tr><th>${escapeHtml(showX(x))}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`;
    });
  const titles = [xLabel, ...series.map(({ name }) => name)].map((title) => `<th>${escapeHtml(title)}</th>`);
  return `<details><summary>as a table</summary><table><tr>${titles.join("")}</tr>${rows.join("")}</table></details>`;
}

/** Of each stretch of points the one with the highest y: a peak is never left out. */
function thin(points: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  if (points.length <= pointsMax) return points;
  const every = Math.ceil(points.length / pointsMax);
  const kept: (readonly [number, number])[] = [];
  for (let at = 0; at < points.length; at += every) {
    kept.push(points.slice(at, at + every).reduce((a, b) => (b[1] > a[1] ? b : a)));
  }
  return kept;
}

export interface HeatColumn {
  readonly x: number;
  /** Upper bound in nanoseconds, count. */
  readonly cells: readonly (readonly [ns: number, count: number])[];
}

/** Time to the right, latency upwards on a logarithmic scale, the darker the more messages. */
export function heatMap(columns: readonly HeatColumn[], texts: ChartTexts): string {
  const rowsPerDecade = 8;
  const [low, high] = [4, 10.1]; // 10 µs to 10 s
  const rows = Math.ceil((high - low) * rowsPerDecade);
  const every = Math.max(1, Math.ceil(columns.length / 120));
  const groups: number[][] = [];
  for (const [index, { cells }] of columns.entries()) {
    const at = Math.floor(index / every);
    groups[at] ??= new Array<number>(rows).fill(0);
    const group = groups[at];
    for (const [ns, count] of cells) {
      const row = Math.floor((Math.log10(Math.max(ns, 10 ** low)) - low) * rowsPerDecade);
      group[Math.max(0, Math.min(rows - 1, row))]! += count;
    }
  }
  const most = groups.flat().reduce((a, b) => Math.max(a, b), 1);
  const size = { x: (width - left - right) / Math.max(1, groups.length), y: (height - top - bottom) / rows };
  const rects = groups.flatMap((group, column) =>
    group.flatMap((count, row) => {
      if (count === 0) return [];
      const opacity = (0.12 + 0.88 * (Math.log(1 + count) / Math.log(1 + most))).toFixed(2);
      const [x, y] = [left + column * size.x, height - bottom - (row + 1) * size.y];
      const box = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(size.x + 0.3).toFixed(1)}" height="${(size.y + 0.3).toFixed(1)}"`;
      return [`<rect ${box} fill="${colours[0]}" fill-opacity="${opacity}"/>`];
    }),
  );
  const marks = [4, 5, 6, 7, 8, 9, 10].map((power) => {
    const y = height - bottom - (power - low) * rowsPerDecade * size.y;
    return `<text x="${left - 6}" y="${y.toFixed(1)}" dy="4" text-anchor="end">${escapeHtml(texts.showY(10 ** power))}</text>`;
  });
  return [
    `<figure><figcaption>${escapeHtml(texts.title)}</figcaption>`,
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(texts.title)}">`,
    ...marks,
    ...rects,
    `<text x="${(left + width - right) / 2}" y="${height - 2}" text-anchor="middle">${escapeHtml(texts.xLabel)}</text></svg></figure>`,
  ].join("\n");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}
