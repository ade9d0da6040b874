/**
 * Metrics as plain numbers. A hot path does `counter.value++` and nothing more; names, help and labels are touched only
 * when somebody scrapes. What is counted elsewhere anyway (queue depths, session counts) is read by a gauge's function
 * at scrape time and costs nothing in between.
 */

export type Labels = Readonly<Record<string, string>>;

interface Described {
  readonly name: string;
  /** One sentence; the unit belongs in the name, as `_seconds` or `_bytes`. */
  readonly help: string;
}

export class Counter {
  readonly labels: Labels;
  value = 0;
  constructor(labels: Labels = {}) {
    this.labels = labels;
  }
}

export class Gauge {
  readonly labels: Labels;
  readonly read: () => number;
  constructor(read: () => number, labels: Labels = {}) {
    this.labels = labels;
    this.read = read;
  }
}

/** Counts per upper bound, as Prometheus has it; `record` is a short scan over at most a few dozen bounds. */
export class Histogram {
  readonly labels: Labels;
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  /** `bounds`: ascending upper bounds; values above the last fall into `+Inf`. */
  constructor(bounds: readonly number[], labels: Labels = {}) {
    this.bounds = bounds;
    this.labels = labels;
    this.counts = new Float64Array(bounds.length + 1);
  }

  record(value: number): void {
    let at = 0;
    while (at < this.bounds.length && value > this.bounds[at]!) at++;
    this.counts[at]!++;
    this.sum += value;
    this.count++;
  }
}

export type Metric = Counter | Gauge | Histogram;

/** One named family: all its series have the same type and help. */
export interface MetricFamily extends Described {
  readonly type: "counter" | "gauge" | "histogram";
  readonly series: Metric[];
  /** For series that come and go: called at each scrape, its answer is listed after `series`. */
  readonly collect?: () => Iterable<Metric>;
}

/** Where each part of the server lists what it counts. */
export class MetricRegistry {
  readonly #families = new Map<string, MetricFamily>();

  counter(name: string, help: string, labels: Labels = {}): Counter {
    return this.#add(name, help, "counter", new Counter(labels));
  }

  gauge(name: string, help: string, read: () => number, labels: Labels = {}): Gauge {
    return this.#add(name, help, "gauge", new Gauge(read, labels));
  }

  histogram(name: string, help: string, bounds: readonly number[], labels: Labels = {}): Histogram {
    return this.#add(name, help, "histogram", new Histogram(bounds, labels));
  }

  /** A family whose series are listed anew at each scrape: one per log, channel or client. */
  collector(name: string, help: string, type: MetricFamily["type"], collect: () => Iterable<Metric>): void {
    this.#families.set(name, { name, help, type, series: [], collect });
  }

  families(): Iterable<MetricFamily> {
    return this.#families.values();
  }

  #add<M extends Metric>(name: string, help: string, type: MetricFamily["type"], metric: M): M {
    const family = this.#families.get(name) ?? { name, help, type, series: [] };
    this.#families.set(name, family);
    family.series.push(metric);
    return metric;
  }
}
