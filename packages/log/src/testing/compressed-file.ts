/** A segment's bytes in their compressed form, with any block size and, for hostile ones, anything else. */

import { compressSync } from "lz4-napi";
import { encodeBlockHead, encodeCompressedEnd, encodeCompressedHeader } from "../compressed-segment.ts";

export function compressed(segment: Buffer, blockSize = 64 * 1024): Buffer {
  const header = encodeCompressedHeader({ blockSize, size: segment.length });
  const parts = [header];
  const sizes: number[] = [];
  for (let index = 0; index * blockSize < segment.length; index++) {
    const content = compressSync(segment.subarray(index * blockSize, (index + 1) * blockSize));
    parts.push(encodeBlockHead(index, content), content);
    sizes.push(content.length);
  }
  return Buffer.concat([...parts, encodeCompressedEnd(header, sizes)]);
}
