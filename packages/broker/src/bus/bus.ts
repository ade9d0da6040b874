/**
 * Live messages between the nodes of a cluster. A node tells the others what its own clients published, once its logs have
 * it, and delivers to its own subscribers what the others tell. Nothing that came by the bus is captured or told again.
 *
 * It carries live messages only: what must not be lost is in a log, and nobody waits for the bus. `bus.contract.ts` is the
 * suite for implementations.
 */

/** One live message. The bytes are lent for the call: copy what is kept. */
export interface BusMessage {
  /** Topic name in UTF-8. */
  readonly topic: Uint8Array;
  readonly payload: Buffer;
  readonly payloadStart: number;
  readonly payloadEnd: number;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
}

export interface BusReceiver {
  /** A message of another node, in the order in which that node published. Must not throw. */
  onBusMessage(message: BusMessage): void;
}

export interface Bus {
  /** Resolves when messages of the others reach `receiver`. */
  start(receiver: BusReceiver): Promise<void>;
  /** False while there is nobody to tell: then `publish` need not be called. */
  readonly hasPeers: boolean;
  /** Tells every other node, once each; never this one. Must not throw or wait. */
  publish(message: BusMessage): void;
  /** Resolves when nothing is received any more. */
  stop(): Promise<void>;
}

/** The bus of a node that is alone. */
export const singleNodeBus: Bus = {
  hasPeers: false,
  start: () => Promise.resolve(),
  publish: () => undefined,
  stop: () => Promise.resolve(),
};
