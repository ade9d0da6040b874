/** The four bytes a client opens a protocol V2 connection with: two spaces and `V2`. The server says nothing to them. */

import type { ByteWriter } from "@polylog/base/bytes";

/** The magic as a big-endian integer. */
export const magicV2 = 0x20205632;

export function encodeMagic(writer: ByteWriter): void {
  writer.u32be(magicV2);
}
