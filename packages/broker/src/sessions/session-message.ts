/**
 * A message on its way into queues. One object per publisher, or per store, is filled anew for each message: `begin`, then
 * fields, then `addRecipient` for each session, then `SessionStore.append`. Hot: no allocation once its arrays have grown.
 */

import type { QoS } from "../publication.ts";
import type { StoredSession } from "./stored-session.ts";

const noBytes = Buffer.alloc(0);

export class SessionMessage {
  /** The publisher's. */
  qos: QoS = 0;
  /** The protocol's, 0..255. */
  flags = 0;
  /** Wall-clock milliseconds; 0: never. */
  expiresAtMs = 0;
  topic: Uint8Array = noBytes;
  /** Properties to be forwarded, in the protocol's own form: `properties[propertiesStart, propertiesEnd)`. */
  properties: Uint8Array = noBytes;
  propertiesStart = 0;
  propertiesEnd = 0;
  payload: Uint8Array = noBytes;
  payloadStart = 0;
  payloadEnd = 0;

  /** The persistent session that sent it at QoS 2, with the identifier of its PUBLISH; otherwise undefined. */
  publisher: StoredSession | undefined = undefined;
  packetIdentifier = 0;

  /** Who is to have it: `count` of each. Sessions are different from one another. */
  recipientCount = 0;
  readonly recipients: StoredSession[] = [];
  readonly recipientQos: QoS[] = [];
  readonly recipientBytes: Uint8Array[] = [];

  /** Empties what the last message left. */
  begin(): void {
    this.recipientCount = 0;
    this.publisher = undefined;
    this.expiresAtMs = 0;
    this.flags = 0;
    this.propertiesStart = this.propertiesEnd = 0;
  }

  /** `bytes`: what the protocol wants back with the delivery, such as subscription identifiers; not changed until `append`. */
  addRecipient(session: StoredSession, qos: QoS, bytes: Uint8Array = noBytes): void {
    const at = this.recipientCount++;
    this.recipients[at] = session;
    this.recipientQos[at] = qos;
    this.recipientBytes[at] = bytes;
  }

  /** Bytes of topic, properties and payload: what one waiting message counts for. */
  get size(): number {
    return this.topic.length + this.propertiesEnd - this.propertiesStart + this.payloadEnd - this.payloadStart;
  }
}
