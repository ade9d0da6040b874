/**
 * JSON as Go's encoding/json reads and writes it, as far as the protocol needs it. Cold: once per connection.
 *
 * The scanner checks a whole document and hands out the members of its outermost object as text. It builds no values,
 * so that a body of the largest size costs its length and nothing more, and it keeps the digits of numbers, which
 * `JSON.parse` loses.
 */

import { jsonDepthMax } from "./limits.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const malformed = -1;

/** `key` is decoded, `json` is the value's text. False stops the scan: the value is not of the type it should be. */
export type MemberVisitor = (key: string, json: string) => boolean;

/**
 * Visits the members of the object that `text` holds, in order. True when `text` is valid JSON and an object whose
 * members were all accepted, or `null`, which has none. Members may have been visited when it is false.
 */
export function scanJsonObject(text: string, visit: MemberVisitor): boolean {
  let at = skipSpace(text, 0);
  if (text.charCodeAt(at) !== OBJECT_OPEN) {
    return text.startsWith("null", at) && skipSpace(text, at + 4) === text.length;
  }
  at = skipSpace(text, at + 1);
  if (text.charCodeAt(at) === OBJECT_CLOSE) return skipSpace(text, at + 1) === text.length;
  for (;;) {
    const keyEnd = skipString(text, at);
    if (keyEnd === malformed) return false;
    const valueStart = skipColon(text, keyEnd);
    if (valueStart === malformed) return false;
    const valueEnd = skipValue(text, valueStart);
    if (valueEnd === malformed) return false;
    if (!visit(decodeKey(text, at, keyEnd), text.slice(valueStart, valueEnd))) return false;
    at = skipSpace(text, valueEnd);
    const mark = text.charCodeAt(at);
    at = skipSpace(text, at + 1);
    if (mark === OBJECT_CLOSE) return at === text.length;
    if (mark !== COMMA) return false;
  }
}

/** A key is only compared, so one without escapes is taken as it stands. */
function decodeKey(text: string, start: number, end: number): string {
  const key = text.slice(start + 1, end - 1);
  return key.includes("\\") ? decodeJsonString(text.slice(start, end))! : key;
}

/** The string that `json`, the text of one valid JSON value, stands for; undefined when it is not a string. */
export function decodeJsonString(json: string): string | undefined {
  if (json.charCodeAt(0) !== QUOTE) return undefined;
  const text: string = JSON.parse(json);
  // Go has no lone surrogates.
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** Lower case as Go compares keys: ASCII letters, and the two letters beyond ASCII that fold into it. */
export function foldKey(key: string): string {
  const ascii = beyondAscii.test(key) ? key.replace(/\u212a/g, "k").replace(/\u017f/g, "s") : key;
  return beyondAscii.test(ascii) ? key : ascii.toLowerCase();
}

const beyondAscii = /[\u0080-\uffff]/;

/** `value` as compact JSON with `<`, `>`, `&` and the two line separators escaped, as Go's Marshal writes it. */
export function encodeGoJson(value: Readonly<Record<string, string | number | boolean>>): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]|\\./g, escapeForGo);
}

function escapeForGo(found: string): string {
  if (found === "\\b") return "\\u0008";
  if (found === "\\f") return "\\u000c";
  if (found.length > 1) return found;
  return `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function skipSpace(text: string, start: number): number {
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== SPACE && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

function skipColon(text: string, start: number): number {
  const at = skipSpace(text, start);
  return text.charCodeAt(at) === COLON ? skipSpace(text, at + 1) : malformed;
}

/** The position behind the value at `start`. Nesting is a stack of bits, not of calls, and as deep as Go allows. */
function skipValue(text: string, start: number): number {
  // The outermost object counts as one level. True: an object.
  const stack: boolean[] = [];
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === OBJECT_OPEN || code === ARRAY_OPEN) {
      const inObject = code === OBJECT_OPEN;
      at = skipSpace(text, at + 1);
      if (text.charCodeAt(at) !== (inObject ? OBJECT_CLOSE : ARRAY_CLOSE)) {
        if (stack.push(inObject) >= jsonDepthMax) return malformed;
        if (inObject) at = skipKey(text, at);
        if (at === malformed) return malformed;
        continue;
      }
      if (stack.length + 1 >= jsonDepthMax) return malformed;
      at++;
    } else {
      at = skipScalar(text, at, code);
      if (at === malformed) return malformed;
    }
    at = leaveValues(text, at, stack);
    if (at === malformed || stack.length === 0) return at;
  }
}

/** Behind a value: closes what closes here, and goes on to the next value of what is still open. */
function leaveValues(text: string, start: number, stack: boolean[]): number {
  let end = start;
  while (stack.length > 0) {
    const inObject = stack[stack.length - 1]!;
    const at = skipSpace(text, end);
    const code = text.charCodeAt(at);
    if (code === COMMA) return inObject ? skipKey(text, skipSpace(text, at + 1)) : skipSpace(text, at + 1);
    if (code !== (inObject ? OBJECT_CLOSE : ARRAY_CLOSE)) return malformed;
    stack.pop();
    end = at + 1;
  }
  return end;
}

function skipKey(text: string, start: number): number {
  const end = skipString(text, start);
  return end === malformed ? malformed : skipColon(text, end);
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function skipScalar(text: string, start: number, code: number): number {
  if (code === QUOTE) return skipString(text, start);
  for (const word of ["true", "false", "null"]) if (text.startsWith(word, start)) return start + word.length;
  number.lastIndex = start;
  return number.test(text) ? number.lastIndex : malformed;
}

const escapes = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;

function skipString(text: string, start: number): number {
  if (text.charCodeAt(start) !== QUOTE) return malformed;
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at++);
    if (code === QUOTE) return at;
    if (code < SPACE) return malformed;
    if (code !== BACKSLASH) continue;
    escapes.lastIndex = at;
    if (!escapes.test(text)) return malformed;
    at = escapes.lastIndex;
  }
  return malformed;
}
