/** A message that waits in memory for a session that ends with its connection, or for a client that shares a subscription. */

import type { QoS } from "@polylog/broker";

export interface WaitingMessage {
  /** Topic, properties and payload, in a buffer that holds nothing else in memory; shared by all who wait for it. */
  readonly bytes: Buffer;
  readonly propertiesAt: number;
  readonly payloadAt: number;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Wall-clock milliseconds; 0: never. */
  readonly expiresMs: number;
  readonly identifiers: readonly number[];
}
