/**
 * Go's `%q` for a byte string: what nsqd prints around names in its error texts. Cold: only errors come here.
 *
 *     "  \            \"  \\
 *     a control       \a \b \f \n \r \t \v, else \x01
 *     a bad byte      \xff         (not UTF-8)
 *     unprintable     \u200b \U000e0001
 *     anything else   itself
 *
 * What is printable comes from the Unicode version of the running Node, which may be newer than a given nsqd's.
 */

const shortEscapes: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

/** Letters, marks, numbers, punctuation, symbols and the ASCII space: `strconv.IsPrint`. */
const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** The quoted form of `bytes[start, end)` as a byte string: one character per byte (latin1). */
export function goQuote(bytes: Buffer, start: number, end: number): string {
  let quoted = '"';
  for (let i = start; i < end; ) {
    const size = runeSize(bytes, i, end);
    quoted += size === 0 ? `\\x${hex(bytes[i]!, 2)}` : quoteRune(bytes.toString("utf8", i, i + size));
    i += Math.max(1, size);
  }
  return `${quoted}"`;
}

function quoteRune(rune: string): string {
  const code = rune.codePointAt(0)!;
  const short = shortEscapes[code];
  if (short !== undefined) return short;
  if (printable.test(rune)) return Buffer.from(rune, "utf8").toString("latin1");
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

/** Bytes of the UTF-8 sequence at `at`; 0 when it is not one (overlong, surrogate, above U+10FFFF or cut short). */
function runeSize(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > end) return 0;
  for (let i = 1; i < size; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1]!;
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  if (first === 0xf4 && second > 0x8f) return 0;
  return size;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
