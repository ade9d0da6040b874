/** Time and turns for load generators: finer than `Clock`, and the same in every thread and process of one machine. */
export interface HostClock {
  /**
   * Nanoseconds of the host's monotonic clock, so that what one thread stamps another can subtract. A whole number, exact
   * for the first 104 days after the machine's start and to 2 ns until twice that. Its zero means nothing. About 45 ns per
   * call: take it once per chunk or batch.
   */
  monotonicNs(): number;
  /** Calls `callback` once in the next turn of the loop, after input that is ready then was read. Keeps the process alive. */
  atNextTurn(callback: () => void): void;
  /** Blocks this thread, but no core, for about `ns`, and 60 µs more. For worker threads with nothing else to do. */
  pause(ns: number): void;
}

const never = new Int32Array(new SharedArrayBuffer(4));

export const hostClock: HostClock = {
  monotonicNs: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e9 + nanoseconds;
  },
  atNextTurn: setImmediate,
  pause: (ns) => {
    Atomics.wait(never, 0, 0, ns / 1e6);
  },
};
