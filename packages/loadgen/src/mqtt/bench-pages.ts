/**
 * What the keys of mqtt-bench's dashboard choose: which page, which graph of it, which order, and whether the view stands
 * still. Knows no terminal: keys in, lines out.
 */

import { graph, printable } from "../dashboard/screen-text.ts";
import { count, duration } from "../measure/figure-text.ts";
import type { Interval } from "../measure/result.ts";
import type { BenchTiming, BenchTotals } from "./bench-measures.ts";
import { benchProfile } from "./bench-profile.ts";
import type { SubscriptionCounts } from "./worker-messages.ts";

/** One moment of a run, as graphs keep it. */
export interface HistoryPoint {
  readonly sentRate: number;
  readonly receivedRate: number;
  readonly interval: Interval | undefined;
  readonly broker: { readonly cores: number; readonly memoryBytes: number } | undefined;
}

export interface PageState {
  readonly totals: BenchTotals | undefined;
  readonly history: readonly HistoryPoint[];
  /** No colours. */
  readonly isPlain: boolean;
  /** Undefined until a page has asked for them. */
  readonly subscriptions: readonly SubscriptionCounts[] | undefined;
}

export const pageNames = ["overview", "graph", "times", "subscriptions", "errors"] as const;
export type PageName = (typeof pageNames)[number];

type Show = (value: number) => string;
const perSecond: Show = (value) => `${count(value)}/s`;
const cores: Show = (value) => `${value.toFixed(2)} cores`;
const mebibytes: Show = (value) => `${(value / 2 ** 20).toFixed(0)} MiB`;

/** What can be drawn over time. */
const graphs: readonly {
  readonly title: string;
  readonly show: Show;
  readonly read: (point: HistoryPoint) => number | undefined;
}[] = [
  { title: "received", show: perSecond, read: ({ receivedRate }) => receivedRate },
  { title: "sent", show: perSecond, read: ({ sentRate }) => sentRate },
  { title: "p50 from when due", show: duration, read: ({ interval }) => interval?.p50Ns },
  { title: "p99 from when due", show: duration, read: ({ interval }) => interval?.p99Ns },
  { title: "p99 from when sent", show: duration, read: ({ interval }) => interval?.p99ActualNs },
  { title: "send lag, p99", show: duration, read: ({ interval }) => interval?.sendLagP99Ns },
  { title: "due and kept back", show: count, read: ({ interval }) => interval?.backlog },
  { title: "open connections", show: count, read: ({ interval }) => interval?.open },
  { title: "generator", show: cores, read: ({ interval }) => interval?.generator.cpuCores },
  { title: "generator's loop delay, p99", show: duration, read: ({ interval }) => interval?.generator.loopDelayP99Ns },
  { title: "broker", show: cores, read: ({ broker }) => broker?.cores },
  { title: "broker's memory", show: mebibytes, read: ({ broker }) => broker?.memoryBytes },
];

const percentiles = [
  [0.5, 0.9, 0.99, 0.999],
  [0.75, 0.95, 0.9999, 0.99999],
] as const;

/** Columns of subscriptions, and what they are sorted by, the largest first; by filter from a to z. */
const orders = ["filter", "members", "received", "duplicates", "outOfOrder", "late"] as const;
const orderTitles = ["filter", "members", "received", "duplicated", "out of order", "late"] as const;

/** Points that the graph shows at most. */
const windows = [240, 120, 60, 30] as const;

export const pageHelp = [
  "  1 to 5, Tab overview, graph, times, subscriptions, errors",
  "  p, Space    hold the view still, and go on; the run does not wait",
  "  c, C        graph: the next, the one before",
  "  +, -        graph: a shorter, a longer time",
  "  l           times: other percentiles",
  "  s, r        subscriptions: sort by the next column; the other way round",
  "  j, k, arrows, PgUp, PgDn, g   move in a list; to its beginning",
];

/** What terminals send for keys that are no character. */
const keyNames: Readonly<Record<string, string>> = {
  "\u001b[A": "k",
  "\u001b[B": "j",
  "\u001b[C": "c",
  "\u001b[D": "C",
  "\u001b[5~": "PgUp",
  "\u001b[6~": "PgDn",
  "\u001b[H": "g",
  "\t": "Tab",
  "\u001b[Z": "BackTab",
  " ": "p",
  "=": "+",
};

export class BenchPages {
  #page = 0;
  #graph = 0;
  #window = 1;
  #percentiles = 0;
  #order = 2;
  #isReversed = false;
  #offset = 0;
  #listRows = 1;
  isPaused = false;

  get page(): PageName {
    return pageNames[this.#page]!;
  }

  /** True when the key means something here. */
  onKey(key: string): boolean {
    const action = this.#actions[keyNames[key] ?? key];
    action?.();
    if (action === undefined && /^[1-5]$/.test(key)) this.#open(Number(key) - 1);
    return action !== undefined || /^[1-5]$/.test(key);
  }

  readonly #actions: Readonly<Record<string, () => void>> = {
    Tab: () => this.#open(this.#page + 1),
    BackTab: () => this.#open(this.#page - 1),
    p: () => {
      this.isPaused = !this.isPaused;
    },
    c: () => {
      this.#graph = (this.#graph + 1) % graphs.length;
    },
    C: () => {
      this.#graph = (this.#graph + graphs.length - 1) % graphs.length;
    },
    "+": () => {
      this.#window = Math.min(windows.length - 1, this.#window + 1);
    },
    "-": () => {
      this.#window = Math.max(0, this.#window - 1);
    },
    l: () => {
      this.#percentiles = (this.#percentiles + 1) % percentiles.length;
    },
    s: () => {
      this.#order = (this.#order + 1) % orders.length;
      this.#offset = 0;
    },
    r: () => {
      this.#isReversed = !this.#isReversed;
      this.#offset = 0;
    },
    j: () => this.#move(1),
    k: () => this.#move(-1),
    PgDn: () => this.#move(this.#listRows),
    PgUp: () => this.#move(-this.#listRows),
    g: () => {
      this.#offset = 0;
    },
  };

  /** At most `rows` lines of the page that is open; the overview is drawn elsewhere. */
  lines(state: PageState, columns: number, rows: number): readonly string[] {
    if (this.page === "graph") return this.#graphLines(state, columns, rows);
    if (this.page === "times") return this.#timeLines(state);
    if (this.page === "subscriptions") return this.#subscriptionLines(state, columns, rows);
    return this.#errorLines(state, rows);
  }

  /** Which page is open, and whether the view stands still. */
  get footer(): string {
    const names = pageNames.map((name, place) =>
      place === this.#page ? `[${place + 1} ${name}]` : `${place + 1} ${name}`,
    );
    return `${this.isPaused ? "HELD STILL (p)   " : ""}${names.join(" ")}`;
  }

  #open(page: number): void {
    this.#page = (page + pageNames.length) % pageNames.length;
    this.#offset = 0;
  }

  #move(by: number): void {
    this.#offset = Math.max(0, this.#offset + by);
  }

  #graphLines({ history, isPlain }: PageState, columns: number, rows: number): readonly string[] {
    const { title, show, read } = graphs[this.#graph]!;
    const values = history
      .slice(-windows[this.#window]!)
      .map(read)
      .filter((value) => value !== undefined);
    const last = values.at(-1);
    const most = values.reduce((a, b) => Math.max(a, b), 0);
    const head = last === undefined ? `${title}: nothing yet` : `${title}: ${show(last)} now, at most ${show(most)}`;
    return [head, "", ...graph(values, columns, Math.max(1, rows - 3), isPlain, show)];
  }

  #timeLines({ totals }: PageState): readonly string[] {
    const shares = percentiles[this.#percentiles]!;
    const names = [...shares.map((share) => `p${Number((share * 100).toFixed(3))}`), "max", "mean", "count"];
    const rows = Object.entries(benchProfile.timings).flatMap(([name, title]) => {
      const histogram = totals?.histograms[name as BenchTiming];
      if (histogram === undefined || histogram.count === 0) return [];
      const times = [...shares.map((share) => histogram.quantileNs(share)), histogram.maxNs, histogram.meanNs];
      const cells = [...times.map(duration), count(histogram.count)].map((text) => text.padStart(10));
      return [`${title.padEnd(36)}${cells.join("")}`];
    });
    return [`${" ".repeat(36)}${names.map((name) => name.padStart(10)).join("")}`, ...rows];
  }

  #subscriptionLines({ subscriptions }: PageState, columns: number, rows: number): readonly string[] {
    if (subscriptions === undefined) return ["counts come with the next interval"];
    const order = orders[this.#order]!;
    const sorted = [...subscriptions].sort((a, b) =>
      order === "filter" ? compareNames(a, b) : b[order] - a[order] || compareNames(a, b),
    );
    if (this.#isReversed) sorted.reverse();
    const width = Math.max(10, Math.min(60, columns - 66));
    const cell = (text: string, place: number) =>
      place === 0 ? text.slice(0, width).padEnd(width) : text.padStart(13);
    const titles = orderTitles.map((title, place) =>
      place === this.#order ? `${this.#isReversed ? "▴" : "▾"}${title}` : title,
    );
    const lines = sorted.map((each) =>
      orders
        .map((name, place) =>
          cell(name === "filter" ? printable(`${each.filter} ${each.clientIdentifier}`) : count(each[name]), place),
        )
        .join(""),
    );
    return [titles.map(cell).join(""), ...this.#list(lines, rows - 1)];
  }

  #errorLines({ totals }: PageState, rows: number): readonly string[] {
    const errors = totals?.errors.list() ?? [];
    if (errors.length === 0) return ["no error until now"];
    const lines = errors.map(({ code, count: number, sample }) => `${count(number)} × ${code}: ${printable(sample)}`);
    return this.#list(lines, rows);
  }

  /** The part of a list that is shown, and which that is. */
  #list(lines: readonly string[], rows: number): readonly string[] {
    this.#listRows = Math.max(1, rows - 1);
    this.#offset = Math.min(this.#offset, Math.max(0, lines.length - this.#listRows));
    const part = lines.slice(this.#offset, this.#offset + this.#listRows);
    return [...part, `${this.#offset + 1} to ${this.#offset + part.length} of ${count(lines.length)}`];
  }
}

function compareNames(a: SubscriptionCounts, b: SubscriptionCounts): number {
  return a.filter.localeCompare(b.filter) || a.clientIdentifier.localeCompare(b.clientIdentifier);
}
