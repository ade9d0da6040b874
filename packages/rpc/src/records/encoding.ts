/**
 * How bytes stand in JSON, both ways.
 *
 *     base64   key, header values and value are base64 (the default)
 *     utf8     they are text
 *     json     the value is JSON itself, not a text with JSON in it; key and header values are text
 *
 * Nothing is lost: a record whose bytes do not fit the encoding that was asked for comes in the next one that fits, json →
 * utf8 → base64, and says so in its member `encoding`. `produce` understands the same member, so that what was consumed
 * can be produced again. Topic and header names are always text.
 */

import { levelsMax, valuesMax } from "../limits.ts";
import { structureFault } from "../text-structure.ts";

export const encodings = ["base64", "utf8", "json"] as const;
export type Encoding = (typeof encodings)[number];

const base64Pattern = /^[A-Za-z0-9+/_-]*={0,2}$/;
const surrogate = /\p{Surrogate}/u;

/** The bytes of a base64 text, padded or not, `-_` allowed for `+/`; undefined when it is none: Node would skip what it does not know. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!base64Pattern.test(text)) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const rest = (text.length - padding) % 4;
  if (rest === 1 || (padding > 0 && rest + padding !== 4)) return undefined;
  return Buffer.from(text, "base64");
}

/** The bytes of a text; undefined when it holds half a surrogate pair, which UTF-8 cannot say. */
export function encodeUtf8(text: string): Buffer | undefined {
  return surrogate.test(text) ? undefined : Buffer.from(text, "utf8");
}

/** JSON of a structure that a request could have, too: a stored value must not be able to hold up its readers. */
export function isJson(text: string): boolean {
  if (structureFault(text, levelsMax, valuesMax) !== undefined) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
