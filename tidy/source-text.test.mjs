// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";
import { countExports, findFunctions, findImports, maskText } from "./source-text.mjs";

test("blanks comments, strings, templates and regular expressions", () => {
  const rows = [
    ['a // "x"\nb', "a       \nb"],
    ["a /* { */ b", "a         b"],
    ['f("{ // no")', 'f("       ")'],
    ["f('it\\'s {')", "f('       ')"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the text to be masked
    ["`a{${b + `${c}`}}d`", "`   (b + ` (c)`)  `"],
    ["x = /[/{]\\//g;", "x = /      /g;"],
    ["a / b / c", "a / b / c"],
    ["return /}/;", "return / /;"],
    ["(a + b) / c", "(a + b) / c"],
  ];
  for (const [text = "", masked = ""] of rows) {
    assert.equal(maskText(text), masked, text);
  }
});

test("finds every way to import", () => {
  const text = `
import { a,
  type B } from "./b.ts";
import "./effect.ts";
export type { C } from "./c.ts";
const d = await import("./d.ts");
type E = import("./e.ts").E;
const worker = new URL("./f.ts", import.meta.url);
const url = new URL("http://x");
const no = 'import { x } from "./no.ts"'; // from "./never.ts"
`;
  assert.deepEqual(
    findImports(text).map(({ specifier }) => specifier),
    ["./b.ts", "./effect.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts"],
  );
  assert.equal(findImports(text)[0]?.line, 3);
});

test("finds functions and nothing else in curly brackets", () => {
  const text = `
export function plain(a: number): void {
}
async function* typed<T extends { a: 1 }>(a: T): AsyncIterable<Map<string, T[]>> {
}
function literal(): readonly { a: number; b: () => void }[] {
}
class A extends mixin(B) {
  #x = 1;
  constructor() {
  }
  get value(): number {
  }
  async #method<T>(a = {}, { b }: { b: T }): Promise<void> {
    if (a) {
    } else if (b) {
    }
    for await (const x of y) {
    }
    try {
    } catch (error) {
    }
    switch (a) {
      case f(a): {
      }
    }
  }
}
const arrow = (a: number): asserts a is 1 => {
};
const short = a => {
};
class C {
  f(): void {
  }
}
interface I { f(): void }
type T = { f: (a: { b: 1 }) => void };
const object = {
  method() {
  },
  call: async () => {
  },
};
run(() => {
});
`;
  assert.deepEqual(
    findFunctions(text).map(({ name }) => name),
    [
      "plain",
      "typed",
      "literal",
      "constructor",
      "value",
      "#method",
      "arrow",
      "short",
      "f",
      "method",
      "call",
      "line 45",
    ],
  );
});

test("measures a function from its parameters to its end", () => {
  const [found] = findFunctions(`\nfunction f(\n  a: number,\n): void {\n  g();\n}\n`);
  assert.deepEqual(found, { name: "f", line: 2, lines: 5, holdsTests: false });
});

test("counts the names a file exports", () => {
  assert.equal(countExports('export { a, type B } from "./b.ts";\nexport const c = 1;\nexport type { D };\n'), 4);
});
