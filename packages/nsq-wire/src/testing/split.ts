/** Ways to cut a stream into chunks. */

/** Chunks of `size` bytes; each is a copy of its own, so that a reader cannot look past its end. */
export function cutEvery(stream: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += size) chunks.push(Buffer.from(stream.subarray(at, at + size)));
  return chunks;
}

/** Chunks that end at `points`, taken modulo the stream's length, and at its end. Empty ones are kept. */
export function cutAt(stream: Buffer, points: readonly number[]): Buffer[] {
  const ends = points.map((point) => (stream.length === 0 ? 0 : point % stream.length));
  ends.sort((a, b) => a - b);
  const chunks: Buffer[] = [];
  let at = 0;
  for (const end of [...ends, stream.length]) {
    chunks.push(Buffer.from(stream.subarray(at, end)));
    at = end;
  }
  return chunks;
}
