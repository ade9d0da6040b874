/** What the target used, and what a message or row costs it. */

/** One sample of the process or container. */
export interface TargetSample {
  /** Since the start of the measured time; below 0 before it. */
  readonly relNs: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly phase: "warmup" | "measurement" | "cooldown";
  /** Since the sample before. */
  readonly elapsedNs: number;
  /** In that time; 100: one core. */
  readonly cpuPercent: number;
  readonly cpuTotalNs: number;
  readonly cpuSystemNs: number;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly networkReadBytes: number;
  readonly networkWrittenBytes: number;
}

export interface TargetCost {
  /** `process 1234`, `container NAME`. */
  readonly what: string;
  readonly cpuCoresMean: number;
  readonly cpuCoresMax: number;
  readonly cpuSeconds: number;
  readonly memoryBytesMean: number;
  readonly memoryBytesP95: number;
  readonly memoryBytesMax: number;
  readonly memoryLimitBytes: number;
  readonly networkReadBytes: number;
  readonly networkWrittenBytes: number;
  /** Per million items that arrived; 0 when there were none. */
  readonly cpuSecondsPerMillion: number;
  /**
   * Cores for 100,000 items that arrive per second, should the cost of each stay what it was; that it does not (batching
   * gets cheaper under load, contention dearer) is why it is an estimate.
   */
  readonly coresAt100k: number;
}

/** Of the measured time. Undefined without a sample in it. */
export function targetCostOf(what: string, samples: readonly TargetSample[], received: number): TargetCost | undefined {
  const measured = samples.filter(({ phase }) => phase === "measurement");
  const last = measured.at(-1);
  const first = measured[0];
  if (last === undefined || first === undefined) return undefined;
  const elapsedNs = measured.reduce((sum, sample) => sum + sample.elapsedNs, 0);
  const cpuNs = measured.reduce((sum, { cpuPercent, elapsedNs: part }) => sum + (cpuPercent / 100) * part, 0);
  const memory = measured.map(({ memoryBytes }) => memoryBytes).sort((a, b) => a - b);
  const cpuSecondsPerMillion = received === 0 ? 0 : cpuNs / 1e9 / (received / 1e6);
  return {
    what,
    cpuCoresMean: cpuNs / elapsedNs,
    cpuCoresMax: Math.max(...measured.map(({ cpuPercent }) => cpuPercent / 100)),
    cpuSeconds: cpuNs / 1e9,
    memoryBytesMean: memory.reduce((sum, bytes) => sum + bytes, 0) / memory.length,
    memoryBytesP95: memory[Math.ceil(memory.length * 0.95) - 1] ?? 0,
    memoryBytesMax: memory.at(-1) ?? 0,
    memoryLimitBytes: last.memoryLimitBytes,
    networkReadBytes: last.networkReadBytes - first.networkReadBytes,
    networkWrittenBytes: last.networkWrittenBytes - first.networkWrittenBytes,
    cpuSecondsPerMillion,
    coresAt100k: cpuSecondsPerMillion / 10,
  };
}
