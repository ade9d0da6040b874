/**
 * Halves of surrogate pairs in JSON, as `"\ud83d"` of an emoji that was cut. JavaScript reads them; UTF-8 has none, and DuckDB
 * refuses the whole text for one, with every other row in it. As everywhere else where text becomes UTF-8 they are U+FFFD.
 */

/** A backslash and what belongs to it: a pair, one half, or anything else, so that an escaped backslash escapes nothing. */
const escapes = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}(\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[dD][c-fC-F][0-9a-fA-F]{2}|[\s\S])/g;

/** `json`: valid JSON. */
export function withoutLoneSurrogates(json: string): string {
  if (!json.includes("\\ud") && !json.includes("\\uD")) return json;
  return json.replace(escapes, (found, low: string | undefined) =>
    low === undefined && /^\\u[dD][89a-fA-F]/.test(found) ? "\\ufffd" : found,
  );
}
