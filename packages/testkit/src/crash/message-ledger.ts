/**
 * Who sent what, what was acknowledged, what was finished; and whether the log agrees.
 *
 * A run is one producer's life on one connection: it sends 0, 1, 2, … and never again what it sent, so that what is
 * stored of it must be 0 … n-1 in this order, each once, with n between what it saw acknowledged and what it sent. That is
 * acked ⊆ stored, order per producer, no gap and no duplicate, in one comparison.
 */

import type { StoredRecord } from "./stored-log.ts";

export interface Run {
  readonly name: string;
  sent: number;
  /** Answers come in the order of what they answer: these are the messages 0 … acknowledged-1. */
  acknowledged: number;
  /** Answers that said no, and connections that ended. */
  readonly refusals: string[];
}

export class MessageLedger {
  readonly runs = new Map<string, Run>();
  readonly #stored = new Map<string, number>();
  readonly #finished = new Map<string, Set<number>>();
  #deliveries = 0;

  run(name: string): Run {
    const run = { name, sent: 0, acknowledged: 0, refusals: [] };
    if (this.runs.has(name)) throw new Error(`there was a run ${name} before`);
    this.runs.set(name, run);
    return run;
  }

  get acknowledged(): number {
    return sum(this.runs.values(), (run) => run.acknowledged);
  }

  get stored(): number {
    return sum(this.#stored.values(), (count) => count);
  }

  get deliveries(): number {
    return this.#deliveries;
  }

  /** Compares what was stored since the last call; throws when a run has a gap, a duplicate or an order of its own. */
  addStored(records: readonly StoredRecord[]): void {
    for (const { offset, value } of records) {
      const { run, sequence } = parseMessage(value);
      const expected = this.#stored.get(run) ?? 0;
      if (sequence !== expected) throw new Error(`offset ${offset}: ${run} ${sequence}, expected ${expected}`);
      this.#stored.set(run, expected + 1);
    }
  }

  /** Everything acknowledged is stored, and nothing is that nobody sent. */
  checkStored(): void {
    for (const { name, sent, acknowledged } of this.runs.values()) {
      const stored = this.#stored.get(name) ?? 0;
      if (stored < acknowledged || stored > sent)
        throw new Error(`${name}: ${sent} sent, ${acknowledged} acknowledged, but ${stored} stored`);
    }
    for (const name of this.#stored.keys()) if (!this.runs.has(name)) throw new Error(`nobody was ${name}`);
  }

  addFinished(value: Buffer): void {
    const { run, sequence } = parseMessage(value);
    this.#deliveries++;
    const finished = this.#finished.get(run);
    if (finished === undefined) this.#finished.set(run, new Set([sequence]));
    else finished.add(sequence);
  }

  /** Acknowledged messages that no consumer has finished; the first few by name. */
  unfinished(): string[] {
    const names: string[] = [];
    for (const { name, acknowledged } of this.runs.values()) {
      const finished = this.#finished.get(name);
      if ((finished?.size ?? 0) >= (this.#stored.get(name) ?? 0)) continue;
      for (let i = 0; i < acknowledged && names.length < 10; i++) if (!finished?.has(i)) names.push(`${name} ${i}`);
    }
    return names;
  }
}

/** `run sequence`, and dots up to `size` characters. */
export function renderMessage(run: string, sequence: number, size: number): Buffer {
  return Buffer.from(`${run} ${sequence} `.padEnd(size, "."));
}

export function parseMessage(value: Buffer): { run: string; sequence: number } {
  const first = value.indexOf(0x20);
  const second = value.indexOf(0x20, first + 1);
  return { run: value.toString("latin1", 0, first), sequence: Number(value.toString("latin1", first + 1, second)) };
}

function sum<T>(values: Iterable<T>, of: (value: T) => number): number {
  let total = 0;
  for (const value of values) total += of(value);
  return total;
}
