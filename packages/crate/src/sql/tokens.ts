/**
 * SQL text as tokens. It knows as much of SQL as it takes to find where words, texts and numbers end, so that nothing
 * inside a text or a comment is ever taken for SQL. Comments are dropped.
 */

import { crateErrors } from "../errors.ts";

export type TokenKind = "word" | "quoted" | "text" | "number" | "parameter" | "symbol";

export interface Token {
  readonly kind: TokenKind;
  /** As written; of a word in lower case, as unquoted names are. */
  readonly text: string;
  /** What a quoted name or a text stands for; otherwise `text`. */
  readonly value: string;
}

/** One alternative per kind, in this order; sticky, so that what is none of them is found where it stands. */
const pattern =
  /\s+|--[^\n]*|\/\*[\s\S]*?\*\/|([eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*')|([A-Za-z_][A-Za-z0-9_]*)|("(?:[^"]|"")+")|((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|(\?|\$\d+)|(->>|!~\*|::|->|\|\||<=|>=|<>|!=|~\*|!~|=>|&&|<<|>>|[-+*/%^&|~<>=!(),;.:[\]{}@#])/y;

export function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < sql.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(sql);
    if (match === null) throw crateErrors.SYNTAX({ reason: `line ${lineOf(sql, at)}: no token at ${quote(sql, at)}` });
    const [, text, word, quoted, number, parameter, symbol] = match;
    if (word !== undefined) tokens.push({ kind: "word", text: word.toLowerCase(), value: word.toLowerCase() });
    else if (quoted !== undefined)
      tokens.push({ kind: "quoted", text: quoted, value: quoted.slice(1, -1).replaceAll('""', '"') });
    else if (text !== undefined) tokens.push({ kind: "text", text, value: valueOfText(text) });
    else if (number !== undefined) tokens.push({ kind: "number", text: number, value: number });
    else if (parameter !== undefined) tokens.push({ kind: "parameter", text: parameter, value: parameter });
    else if (symbol !== undefined) {
      // Found once, or each one would be looked for to the end of the statement.
      if (symbol === "/" && sql[pattern.lastIndex] === "*")
        throw crateErrors.SYNTAX({ reason: `line ${lineOf(sql, at)}: a comment does not end` });
      tokens.push({ kind: "symbol", text: symbol, value: symbol });
    }
  }
  while (tokens.at(-1)?.text === ";") tokens.pop();
  return tokens;
}

export function isName(token: Token | undefined): token is Token {
  return token?.kind === "word" || token?.kind === "quoted";
}

/** A name as SQL, whatever is in it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function textOf(tokens: readonly Token[]): string {
  return tokens.map((token) => token.text).join(" ");
}

/** Reads tokens one after the other. */
export class TokenCursor {
  readonly tokens: readonly Token[];
  at = 0;

  constructor(tokens: readonly Token[], at = 0) {
    this.tokens = tokens;
    this.at = at;
  }

  get peek(): Token | undefined {
    return this.tokens[this.at];
  }

  get done(): boolean {
    return this.at >= this.tokens.length;
  }

  next(): Token {
    const token = this.tokens[this.at];
    if (token === undefined) throw crateErrors.SYNTAX({ reason: "the statement ends too early" });
    this.at++;
    return token;
  }

  /** Whether the next tokens are these words or symbols; takes them if so. */
  take(...texts: readonly string[]): boolean {
    for (let i = 0; i < texts.length; i++) {
      const token = this.tokens[this.at + i];
      if (token?.text !== texts[i] || token.kind === "text") return false;
    }
    this.at += texts.length;
    return true;
  }

  expect(...texts: readonly string[]): void {
    if (this.take(...texts)) return;
    throw crateErrors.SYNTAX({ reason: `expected ${texts.join(" ").toUpperCase()} ${this.#where()}` });
  }

  name(): string {
    const token = this.next();
    if (isName(token)) return token.value;
    this.at--;
    throw crateErrors.SYNTAX({ reason: `expected a name ${this.#where()}` });
  }

  /** What is inside the parentheses that open here. */
  parenthesized(): Token[] {
    this.expect("(");
    const from = this.at;
    for (let depth = 1; depth > 0; ) {
      const { kind, text } = this.next();
      if (kind === "symbol" && text === "(") depth++;
      else if (kind === "symbol" && text === ")") depth--;
    }
    return this.tokens.slice(from, this.at - 1);
  }

  #where(): string {
    const token = this.peek;
    return token === undefined ? "at the end" : `at ${JSON.stringify(token.text)}`;
  }
}

/** Splits at commas that are in no parentheses or brackets. */
export function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [];
  let depth = 0;
  let part: Token[] = [];
  for (const token of tokens) {
    if (token.kind === "symbol" && "([{".includes(token.text)) depth++;
    else if (token.kind === "symbol" && ")]}".includes(token.text)) depth--;
    if (depth === 0 && token.kind === "symbol" && token.text === ",") {
      parts.push(part);
      part = [];
    } else {
      part.push(token);
    }
  }
  if (part.length > 0 || parts.length > 0) parts.push(part);
  return parts;
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

function valueOfText(text: string): string {
  const value = text.slice(text.indexOf("'") + 1, -1).replaceAll("''", "'");
  return text.startsWith("'") ? value : value.replace(/\\([\s\S])/g, (_, letter: string) => escapes[letter] ?? letter);
}

function lineOf(sql: string, at: number): number {
  return sql.slice(0, at).split("\n").length;
}

function quote(sql: string, at: number): string {
  return JSON.stringify(sql.slice(at, at + 20));
}
