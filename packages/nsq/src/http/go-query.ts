/**
 * A query string as Go's url.ParseQuery reads it, because that decides what nsqd's API accepts: pairs are split at `&`
 * and at their first `=`, `+` is a space, and a bad percent escape or a raw `;` anywhere refuses the whole string.
 */

/** The first value of each name; undefined when Go would not parse it. */
export function parseQuery(query: string): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    if (pair.includes(";")) return undefined;
    const equals = pair.indexOf("=");
    const name = unescapeGo(equals < 0 ? pair : pair.slice(0, equals));
    const value = unescapeGo(equals < 0 ? "" : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    if (!values.has(name)) values.set(name, value);
  }
  return values;
}

const badEscape = /%(?![0-9a-fA-F]{2})/;

/** Undefined when a percent sign is not followed by two hex digits. Bytes that are not UTF-8 become U+FFFD. */
function unescapeGo(text: string): string | undefined {
  if (!text.includes("%")) return text.includes("+") ? text.replaceAll("+", " ") : text;
  if (badEscape.test(text)) return undefined;
  const bytes = Buffer.from(text.replaceAll("+", " "), "utf8");
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== 0x25) {
      bytes[length++] = bytes[i]!;
      continue;
    }
    bytes[length++] = Number.parseInt(bytes.toString("latin1", i + 1, i + 3), 16);
    i += 2;
  }
  return bytes.toString("utf8", 0, length);
}
