/**
 * What one connection has brought and taken, and how fast lately. Counting is an increment per message where it passes; rates are
 * made of the counts once a second, for connections with messages only, so that idle ones keep nothing.
 */

export interface TrafficCounts {
  /** PUBLISH packets. */
  readonly messagesIn: number;
  readonly messagesOut: number;
  /** Of all packets. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** Totals of the connection, and per second as of the last some ten seconds. */
export interface ClientTraffic extends TrafficCounts {
  readonly messagesInPerSecond: number;
  readonly messagesOutPerSecond: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
}

/** Weight of the last second: what is older than ten seconds counts about a third. */
const weight = 0.1;

export class TrafficRates {
  readonly #perSecond: [number, number, number, number] = [0, 0, 0, 0];
  readonly #last: [number, number, number, number];

  constructor(counts: TrafficCounts) {
    this.#last = listed(counts);
  }

  /** Call it once a second. */
  sample(counts: TrafficCounts): void {
    const now = listed(counts);
    for (let i = 0; i < now.length; i++) {
      this.#perSecond[i] = this.#perSecond[i]! * (1 - weight) + (now[i]! - this.#last[i]!) * weight;
      this.#last[i] = now[i]!;
    }
  }

  /** Rounded to tenths. */
  static of(counts: TrafficCounts, rates: TrafficRates | undefined): ClientTraffic {
    const perSecond = rates === undefined ? [] : rates.#perSecond.map(toTenths);
    const [messagesIn = 0, messagesOut = 0, bytesIn = 0, bytesOut = 0] = perSecond;
    return {
      ...counts,
      messagesInPerSecond: messagesIn,
      messagesOutPerSecond: messagesOut,
      bytesInPerSecond: bytesIn,
      bytesOutPerSecond: bytesOut,
    };
  }
}

function listed({ messagesIn, messagesOut, bytesIn, bytesOut }: TrafficCounts): [number, number, number, number] {
  return [messagesIn, messagesOut, bytesIn, bytesOut];
}

function toTenths(rate: number): number {
  return Math.round(rate * 10) / 10;
}
