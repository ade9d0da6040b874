/**
 * What a queued message notes for one recipient: RETAIN, whether it came through a shared subscription, and the identifiers of the
 * subscriptions that matched when it was published.
 *
 *     u8       bit 0 RETAIN, bit 1 shared    left out, with all that follows, when nothing is noted
 *     string   the shared subscription it came through, u16 size first; with bit 1 only
 *     u32 LE   one per identifier
 */

import type { Delivery } from "@polylog/broker/sessions";
import { noIdentifiers } from "./outgoing-message.ts";

const none = Buffer.alloc(0);
const retainBit = 1;
const sharedBit = 2;
const retained = Buffer.of(retainBit);

export interface RecipientNote {
  readonly retain: boolean;
  readonly identifiers: readonly number[];
  /** Filter of the shared subscription, `$share` and all. */
  readonly shared: string | undefined;
}

const noNote: RecipientNote = { retain: false, identifiers: noIdentifiers, shared: undefined };

export function encodeRecipient(retain: boolean, identifiers: readonly number[], shared?: string): Buffer {
  if (identifiers.length === 0 && shared === undefined) return retain ? retained : none;
  const group = Buffer.from(shared ?? "");
  const groupSize = shared === undefined ? 0 : 2 + group.length;
  const bytes = Buffer.allocUnsafe(1 + groupSize + 4 * identifiers.length);
  bytes[0] = (retain ? retainBit : 0) | (shared === undefined ? 0 : sharedBit);
  if (shared !== undefined) {
    bytes.writeUInt16LE(group.length, 1);
    group.copy(bytes, 3);
  }
  for (let i = 0; i < identifiers.length; i++) bytes.writeUInt32LE(identifiers[i], 1 + groupSize + 4 * i);
  return bytes;
}

export function decodeRecipient({ bytes, recipientStart, recipientEnd }: Delivery): RecipientNote {
  if (recipientStart === recipientEnd) return noNote;
  const flags = bytes[recipientStart];
  let at = recipientStart + 1;
  let shared: string | undefined;
  if ((flags & sharedBit) !== 0) {
    const size = bytes.readUInt16LE(at);
    shared = bytes.toString("utf8", at + 2, at + 2 + size);
    at += 2 + size;
  }
  const identifiers: number[] = [];
  for (; at + 4 <= recipientEnd; at += 4) identifiers.push(bytes.readUInt32LE(at));
  return { retain: (flags & retainBit) !== 0, identifiers, shared };
}
