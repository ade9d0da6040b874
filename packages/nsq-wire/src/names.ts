/**
 * Topic and channel names share one rule: one or more of `.a-zA-Z0-9_-`, then optionally `#ephemeral`; 1..64
 * characters with the suffix, which is not a name by itself.
 *
 * `isTopicOrChannelName` runs for every PUB: no string, no allocation (`command-reader.bench.ts`).
 */

import { nameSizeMax } from "./limits.ts";

const suffix = Buffer.from("#ephemeral", "latin1");
const HASH = 0x23;

const nameBytes = new Uint8Array(256);
for (const byte of Buffer.from(".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", "latin1")) {
  nameBytes[byte] = 1;
}

/** True when `bytes[start, end)` is a name. */
export function isTopicOrChannelName(bytes: Uint8Array, start: number, end: number): boolean {
  const size = end - start;
  if (size < 1 || size > nameSizeMax) return false;
  for (let i = start; i < end; i++) {
    if (nameBytes[bytes[i]!] === 1) continue;
    return bytes[i] === HASH && i > start && isSuffix(bytes, i, end);
  }
  return true;
}

/** True when `name` is a name. */
export function isTopicOrChannelNameString(name: string): boolean {
  return name.length <= nameSizeMax && /^[.a-zA-Z0-9_-]+(#ephemeral)?$/.test(name);
}

function isSuffix(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== suffix.length) return false;
  for (let i = 0; i < suffix.length; i++) if (bytes[start + i] !== suffix[i]) return false;
  return true;
}
