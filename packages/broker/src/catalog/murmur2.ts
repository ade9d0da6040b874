/**
 * Murmur2 of a key, 32 bits, with the seed that Kafka's producers use: a key goes to the same partition whether it came
 * by Polylog or by a Kafka client, of logs with equally many partitions.
 */

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** Which of `partitionCount` partitions records with this key belong to. */
export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}

/** A signed 32-bit integer, as Kafka's `Utils.murmur2`. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = seed ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    const mixed = Math.imul(word, multiplier);
    hash = Math.imul(hash, multiplier) ^ Math.imul(mixed ^ (mixed >>> 24), multiplier);
  }
  const left = length - at;
  if (left > 0) {
    if (left === 3) hash ^= bytes[at + 2]! << 16;
    if (left >= 2) hash ^= bytes[at + 1]! << 8;
    hash = Math.imul(hash ^ bytes[at]!, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}
