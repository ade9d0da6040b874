/**
 * Expressions and queries of CrateDB's SQL as DuckDB's. Only what the two spell differently is touched:
 *
 *     o['a']['b']              json_extract_string(o, '$."a"."b"'), a text; beside a number the number it is; as a whole column
 *                              of a SELECT json_extract, which keeps its type
 *     version()                what this is
 *     x::object, CAST(x AS t)  the type's name
 *     {a = 1}                  to_json({'a': 1})
 *     information_schema.x     crate_info.x, where CrateDB's columns are
 *     ?, $1                    what the caller puts there
 */

import { crateErrors } from "../errors.ts";
import { subscriptedLengthMax } from "../limits.ts";
import { quoteName, quoteText, type Token, TokenCursor } from "./tokens.ts";
import { readType } from "./types.ts";

export interface RewriteOptions {
  /** SQL for the parameter with this number, from 1. */
  readonly parameter: (number: number) => string;
  /** Whether its value is a number. Default: none is. */
  readonly isNumber?: (number: number) => boolean;
}

const comparisons: ReadonlySet<string> = new Set([
  "=",
  "<",
  ">",
  "<=",
  ">=",
  "<>",
  "!=",
  "+",
  "-",
  "*",
  "/",
  "%",
  "between",
]);
const numericFunctions: ReadonlySet<string> = new Set([
  "avg",
  "sum",
  "mean",
  "stddev",
  "variance",
  "percentile",
  "abs",
]);

/** CrateDB's functions that DuckDB has under the same name, as something else. */
const renamed: Readonly<Record<string, readonly [next: string, name: string]>> = {
  information_schema: [".", "crate_info"],
  version: ["(", "crate_version"],
};

/** What is open: parentheses, brackets and braces. */
interface Nesting {
  readonly open: string;
  readonly isCast: boolean;
  /** Where in the output the operand begins that these belong to. */
  readonly operandAt: number;
  /** Between SELECT and FROM of this level. */
  inSelectList: boolean;
}

export class Rewriter {
  readonly #options: RewriteOptions;
  #parameters = 0;

  constructor(options: RewriteOptions) {
    this.#options = options;
  }

  /** Parameters seen so far; those without a number count on from one call to the next. */
  get parameterCount(): number {
    return this.#parameters;
  }

  rewrite(tokens: readonly Token[]): string {
    const cursor = new TokenCursor(tokens);
    const out: string[] = [];
    const nestings: Nesting[] = [{ open: "", isCast: false, operandAt: 0, inSelectList: false }];
    let operandAt = 0;
    while (!cursor.done) {
      const before = cursor.tokens[cursor.at - 1];
      const token = cursor.next();
      const nesting = nestings.at(-1)!;
      if (token.kind === "parameter") {
        operandAt = out.push(this.#parameter(token)) - 1;
      } else if (token.kind === "symbol" && token.text === "[" && isSubscript(cursor, before)) {
        operandAt = this.#subscripts(cursor, out, operandAt, nesting);
      } else if (token.kind === "symbol" && "([{".includes(token.text)) {
        const calls = token.text === "(" && (before?.kind === "word" || before?.kind === "quoted");
        const at = calls
          ? operandAt
          : token.text === "[" && before !== undefined && endsOperand(before)
            ? operandAt
            : out.length;
        const isCast = token.text === "(" && (before?.text === "cast" || before?.text === "try_cast");
        nestings.push({ open: token.text, isCast, operandAt: at, inSelectList: false });
        out.push(token.text === "{" ? "to_json({" : token.text);
        if (token.text === "{") objectKey(cursor, out);
      } else if (token.kind === "symbol" && ")]}".includes(token.text)) {
        if (nestings.length > 1) operandAt = nestings.pop()!.operandAt;
        out.push(token.text === "}" ? "})" : token.text);
      } else if (token.text === "," && token.kind === "symbol") {
        out.push(",");
        if (nesting.open === "{") objectKey(cursor, out);
      } else if (token.text === "::" || (token.text === "as" && token.kind === "word" && nesting.isCast)) {
        out.push(token.text, readType(cursor).duck);
      } else {
        if (token.text === "select") nesting.inSelectList = true;
        else if (token.text === "from") nesting.inSelectList = false;
        const [next, name] = (token.kind === "word" && Object.hasOwn(renamed, token.text) && renamed[token.text]) || [];
        const at = out.push(name !== undefined && cursor.peek?.text === next ? name : token.text) - 1;
        if (before?.text !== "." && token.text !== ".") operandAt = at;
      }
    }
    return out.join(" ");
  }

  #parameter(token: Token): string {
    const number = token.text === "?" ? this.#parameters + 1 : Number(token.text.slice(1));
    this.#parameters = Math.max(this.#parameters, number);
    return this.#options.parameter(number);
  }

  /** Returns where in the output the operand is now. */
  #subscripts(cursor: TokenCursor, out: string[], operandAt: number, nesting: Nesting): number {
    let path = "$";
    let name = "";
    cursor.at--;
    while (cursor.peek?.text === "[" && cursor.tokens[cursor.at + 1]?.kind === "text") {
      cursor.next();
      name += `[${cursor.peek.text}]`;
      path += `."${cursor.next().value.replaceAll('"', '\\"')}"`;
      cursor.expect("]");
    }
    const operand = out.splice(operandAt).join(" ");
    if (operand.length > subscriptedLengthMax)
      throw crateErrors.UNSUPPORTED({ what: `[…] behind more than ${subscriptedLengthMax} characters` });
    const args = `(${operand}, ${quoteText(path)})`;
    if (nesting.inSelectList && isWholeColumn(out.at(-1), cursor.peek)) {
      out.push(`json_extract${args}`);
      const isNamed = cursor.peek !== undefined && cursor.peek.text !== "," && cursor.peek.text !== "from";
      if (!isNamed) out.push("AS", quoteName(operand + name));
    } else {
      const text = `json_extract_string${args}`;
      out.push(this.#isBesideNumber(cursor, out) ? `CAST(${text} AS DOUBLE)` : text);
    }
    return operandAt;
  }

  #isBesideNumber(cursor: TokenCursor, out: readonly string[]): boolean {
    const next = cursor.tokens[cursor.at + 1];
    if (cursor.peek !== undefined && comparisons.has(cursor.peek.text) && next !== undefined) {
      if (next.kind === "number" || (next.text === "-" && cursor.tokens[cursor.at + 2]?.kind === "number")) return true;
      if (next.kind === "parameter")
        return this.#isNumber(next.text === "?" ? this.#parameters + 1 : Number(next.text.slice(1)));
    }
    const [before = "", beforeThat = ""] = [out.at(-1), out.at(-2)];
    if (comparisons.has(before)) {
      const parameter = /^\$(\d+)$/.exec(beforeThat)?.[1];
      return parameter === undefined ? /^[\d.]/.test(beforeThat) : this.#isNumber(Number(parameter));
    }
    return before === "(" && numericFunctions.has(beforeThat);
  }

  #isNumber(number: number): boolean {
    return this.#options.isNumber?.(number) ?? false;
  }
}

function endsOperand(token: Token): boolean {
  return (
    (token.kind === "word" && token.text !== "array") ||
    token.kind === "quoted" ||
    (token.kind === "symbol" && (token.text === "]" || token.text === ")"))
  );
}

function isSubscript(cursor: TokenCursor, before: Token | undefined): boolean {
  return before !== undefined && endsOperand(before) && cursor.peek?.kind === "text";
}

function isWholeColumn(before: string | undefined, after: Token | undefined): boolean {
  const ends = after === undefined || [",", "as", "from"].includes(after.text) || after.kind === "quoted";
  return (before === "select" || before === ",") && ends;
}

/** `a =` at the beginning of a member of an object. */
function objectKey(cursor: TokenCursor, out: string[]): void {
  const token = cursor.peek;
  if (cursor.tokens[cursor.at + 1]?.text !== "=" || token === undefined) return;
  cursor.at += 2;
  out.push(`${quoteText(token.value)}:`);
}
