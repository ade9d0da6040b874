/** What the dashboard of crate-write shows, as lines: from the state of a load to text, and nothing else. */

import { graph, latencyLines, paint, paints, printable, progressBar, sparkline } from "../../dashboard/screen-text.ts";
import { count, duration, mebibytes } from "../../measure/figure-text.ts";
import type { Threshold } from "../../measure/thresholds.ts";
import type { LoadProgress, WorkerState } from "../load/load-run.ts";
import { acknowledgedOf } from "../load/row-account.ts";

export type LoadPhase = "prepare" | "load" | "settle" | "count";

export interface LoadView {
  readonly table: string;
  /** Name, version and address. */
  readonly database: string;
  /** Rows per second that the schedule asks for; 0 without one. */
  readonly offeredRate: number;
  readonly thresholds: readonly Threshold[];
  readonly isPlain: boolean;
  readonly phase: LoadPhase;
  /** Part of the load that is over; undefined: it has no end. */
  readonly share: number | undefined;
  readonly elapsedNs: number;
  readonly progress: LoadProgress | undefined;
  /** Acknowledged rows per second, an interval each. */
  readonly rates: readonly number[];
  readonly averageRate: number;
  /** Of each worker, in its order, in the last interval. */
  readonly workerRates: readonly number[];
  /** Of the tool, an interval each. */
  readonly cpuCores: readonly number[];
  readonly memoryBytes: readonly number[];
  /** Of the database, where it can be seen: cores and bytes. */
  readonly databaseUse: { readonly cores: number; readonly memoryBytes: number } | undefined;
}

const graphRowsMin = 2;
const graphRowsMax = 8;
const errorsMax = 4;

export function loadDashboardLines(view: LoadView, columns: number, rows: number): readonly string[] {
  const head = headLines(view, columns);
  const blocks = [accountLines(view), timeLines(view), [...machineLines(view, columns), ...errorLines(view)]];
  const workers = workerLines(view, columns);
  const textRows = head.length + 1 + blocks.reduce((sum, block) => sum + block.length, 0);
  // Empty lines go first when there is little room; then the graph takes what the workers leave.
  const isRoomy = rows >= textRows + workers.length + blocks.length + 2 + graphRowsMin;
  const gap = isRoomy ? [""] : [];
  const gaps = (blocks.length + 2) * gap.length;
  const left = rows - textRows - gaps - workers.length;
  const height = Math.max(graphRowsMin, Math.min(graphRowsMax, left));
  const chart = graph(view.rates, Math.max(20, columns - 1), height, view.isPlain);
  const above = [...head, ...gap, rateLine(view), ...chart, ...gap, ...blocks.flatMap((block) => [...block, ...gap])];
  return [...above, ...fitted(workers, rows - above.length)];
}

export const loadHelp = [
  "rows/s      acknowledged rows: those that the database has confirmed, in the last second and since the start",
  "latency     of a batch: from when it was due on the schedule of --rate, and from when it was sent; of a request",
  "kept back   batches that are due and not begun, because the database has not taken those before",
  "workers     writing: a batch is under way; waiting: the database has too much; pausing: between two batches",
  "tool        processor and memory of crate-write itself; database: of the process that listens there, if on this machine",
];

/** Behind the bar. */
const phaseNotes: Readonly<Record<LoadPhase, string>> = {
  prepare: "",
  load: "",
  settle: ": what is under way is waited for, q ends at once",
  count: ": the table's rows are counted",
};

function headLines(view: LoadView, columns: number): readonly string[] {
  const { table, database, phase, share, elapsedNs, isPlain } = view;
  const width = Math.max(10, Math.min(40, columns - 40));
  const seconds = `${(elapsedNs / 1e9).toFixed(0)} s`;
  const done = share === undefined ? seconds : `${Math.floor(share * 100)} %, ${seconds}`;
  return [
    paint(isPlain, paints.bold, printable(`crate-write  rows into ${table} of ${database}`)),
    `${phase.padEnd(9)}${share === undefined ? "" : `${progressBar(share, width)} `}${done}${share === undefined && phase === "load" ? ", until q" : ""}${phaseNotes[phase]}`,
  ];
}

function rateLine({ progress, averageRate, offeredRate, rates, isPlain }: LoadView): string {
  const current = paint(isPlain, paints.bold, `${count(rates.at(-1) ?? 0)} now`);
  const offered = offeredRate === 0 ? "" : `, ${count(offeredRate)} offered`;
  const braked = progress?.braked ?? 0;
  const wait = braked === 0 ? "" : paint(isPlain, paints.bad, "  THE DATABASE HAS TOO MUCH: WAITING");
  return `rows/s   ${current}, ${count(averageRate)} on average${offered}${wait}`;
}

function accountLines({ progress, isPlain }: LoadView): readonly string[] {
  if (progress === undefined) return ["rows     none yet"];
  const { account, interval } = progress;
  const bad = (number: number, text: string) => (number === 0 ? text : paint(isPlain, paints.bad, text));
  const { refused, unknown, batches, requests, failedRequests, retries, halvings, pauses } = account;
  return [
    `rows     ${count(acknowledgedOf(account))} acknowledged, ${bad(refused, `${count(refused)} refused`)}, ${bad(unknown, `${count(unknown)} unknown`)}`,
    `batches  ${count(batches)} settled, ${count(interval.open)} under way, ${count(interval.backlog)} kept back`,
    `requests ${count(requests)}, ${bad(failedRequests, `${count(failedRequests)} failed`)}, ${count(retries)} sent again, ${count(halvings)} halved, ${count(pauses)} pauses`,
  ];
}

function timeLines({ progress }: LoadView): readonly string[] {
  if (progress === undefined) return [];
  const { endToEnd, endToEndActual, ack } = progress.totals.histograms;
  const rows = [
    { title: "batch, from due", histogram: endToEnd },
    { title: "batch, from sent", histogram: endToEndActual },
    { title: "request", histogram: ack },
  ];
  return latencyLines(rows, progress.interval);
}

function machineLines({ progress, cpuCores, memoryBytes, databaseUse }: LoadView, columns: number): readonly string[] {
  if (progress === undefined) return [];
  const width = Math.max(0, Math.min(20, Math.floor((columns - 60) / 2)));
  const graphOf = (values: readonly number[]) => (width < 4 ? "" : ` ${sparkline(values, width).padStart(width)}`);
  const cpu = `${(cpuCores.at(-1) ?? 0).toFixed(2)} cores${graphOf(cpuCores)}`;
  const memory = `${mebibytes(memoryBytes.at(-1) ?? 0)}${graphOf(memoryBytes)}`;
  const delay = duration(progress.interval.generator.loopDelayP99Ns);
  const database =
    databaseUse === undefined
      ? "cannot be seen from here"
      : `${databaseUse.cores.toFixed(2)} cores, ${mebibytes(databaseUse.memoryBytes)}`;
  return [`tool     ${cpu}  ${memory}  loop delay p99 ${delay}`, `database ${database}`];
}

function errorLines({ progress, thresholds, isPlain }: LoadView): readonly string[] {
  const lines = (what: string, errors: LoadProgress["rowErrors"] | undefined) =>
    (errors?.list() ?? [])
      .slice(0, errorsMax)
      .map(({ code, count: times, sample }) =>
        paint(isPlain, paints.warn, printable(`${what} ${count(times)} × ${code}: ${sample}`)),
      );
  return [
    ...lines("rows    ", progress?.rowErrors),
    ...lines("requests", progress?.requestErrors),
    ...thresholds.map(({ text }) => `limit    ${text}`),
  ];
}

/** Of a worker, and behind it of its failed rows, where any worker has some. */
const workerWidth = 38;
const failedWidth = 14;

/** As many next to each other as fit. */
function workerLines({ progress, workerRates, isPlain }: LoadView, columns: number): readonly string[] {
  const workers = progress?.workers ?? [];
  if (workers.length === 0) return [];
  const width = workerWidth + (workers.some(({ failed }) => failed > 0) ? failedWidth : 0);
  const perLine = Math.max(1, Math.floor((columns - 2) / width));
  const cells = workers.map((worker, index) => {
    const state = stateOf(worker);
    const failed = worker.failed === 0 ? "" : ` ${count(worker.failed)} failed`;
    const text = `${String(worker.thread + 1).padStart(2)} ${state.padEnd(8)}${`${count(workerRates[index] ?? 0)}/s`.padStart(10)}${count(worker.acknowledged).padStart(13)}${failed}`;
    return paint(isPlain, stateColours[state], text.slice(0, width - 1).padEnd(width));
  });
  const lines: string[] = [];
  for (let at = 0; at < cells.length; at += perLine) lines.push(`  ${cells.slice(at, at + perLine).join("")}`);
  return ["workers", ...lines];
}

type WorkerWord = "done" | "waiting" | "writing" | "pausing";

const stateColours: Readonly<Record<WorkerWord, string>> = {
  done: paints.dim,
  waiting: paints.bad,
  writing: paints.good,
  pausing: paints.dim,
};

function stateOf({ isDone, isBraked, open }: WorkerState): WorkerWord {
  return isDone ? "done" : isBraked ? "waiting" : open > 0 ? "writing" : "pausing";
}

/** What does not fit is counted. */
function fitted(lines: readonly string[], room: number): readonly string[] {
  if (lines.length <= room) return lines;
  const shown = lines.slice(0, Math.max(0, room - 1));
  return room < 1
    ? []
    : [...shown, `  … ${lines.length - shown.length} more lines of workers: a taller terminal shows them`];
}
