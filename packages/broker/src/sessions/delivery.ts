/** What `StoredSession.next` gives out. One object is filled again and again; the bytes are lent. */

import type { QoS } from "../publication.ts";

const noBytes = Buffer.alloc(0);

/** Positions are into `bytes`, which are never changed: slice to lend, copy to keep for long. */
export class Delivery {
  sequence = 0;
  /** `packetIdentifierOf(sequence)`. Without meaning at QoS 0. */
  packetIdentifier = 0;
  /** The recipient's. */
  qos: QoS = 0;
  /** It was sent before: DUP [MQTT-3.3.1-1]. */
  repeated = false;
  /** It waited when the store ended without `close`: nobody knows whether it was sent. DUP too, but no proof of anything. */
  maybeRepeated = false;

  /** The rest is only there for a message, not for a release. `messageQos` is the publisher's. */
  messageQos: QoS = 0;
  /** The protocol's, 0..255. */
  flags = 0;
  /** Wall-clock milliseconds; 0: never. */
  expiresAtMs = 0;
  bytes: Buffer = noBytes;
  topicStart = 0;
  topicEnd = 0;
  propertiesStart = 0;
  propertiesEnd = 0;
  payloadStart = 0;
  payloadEnd = 0;
  /** What `SessionMessage.addRecipient` was given for this session. */
  recipientStart = 0;
  recipientEnd = 0;
}
