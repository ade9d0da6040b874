import assert from "node:assert/strict";
import { test } from "node:test";
import { Rewriter } from "./rewrite.ts";
import { tokensOf } from "./tokens.ts";

const rows: readonly (readonly [name: string, sql: string, duck: string])[] = [
  ["numbers parameters", "? + $1 + ?", "$1 + $1 + $2"],
  ["reads a part of an object as text", "where o['a']['b'] = 'x'", `where json_extract_string(o, '$."a"."b"') = 'x'`],
  [
    "reads a part beside a number as one",
    "where o['a'] > 3",
    `where CAST(json_extract_string(o, '$."a"') AS DOUBLE) > 3`,
  ],
  [
    "reads a part beside a number's parameter as one",
    "? < t.o['a']",
    `$1 < CAST(json_extract_string(t . o, '$."a"') AS DOUBLE)`,
  ],
  ["sums parts as numbers", "sum(o['a'])", `sum ( CAST(json_extract_string(o, '$."a"') AS DOUBLE) )`],
  [
    "keeps the type and name of a whole column",
    "select o['a'], b from t",
    `select json_extract(o, '$."a"') AS "o['a']" , b from t`,
  ],
  ["keeps the alias of a whole column", "select o['a'] as x from t", `select json_extract(o, '$."a"') as x from t`],
  ["takes a part of what a function gives", "f(a, b)['k'] = 'x'", `json_extract_string(f ( a , b ), '$."k"') = 'x'`],
  ["leaves elements of lists alone", "tags[1] = 'x'", "tags [ 1 ] = 'x'"],
  ["leaves lists alone", "array['a', 'b']", "array [ 'a' , 'b' ]"],
  [
    "names types of casts",
    "a::string, cast(b as object(dynamic)), c::array(long)",
    "a :: VARCHAR , cast ( b as JSON ) , c :: BIGINT[]",
  ],
  ["makes objects", "{a = 1, \"B\" = {c = 'x'}}", "to_json({ 'a': 1 , 'B': to_json({ 'c': 'x' }) })"],
  ["turns to CrateDB's own catalogue", "select * from information_schema.tables", "select * from crate_info . tables"],
  [
    "leaves a column named version alone",
    "select version, version() from t",
    "select version , crate_version ( ) from t",
  ],
];

for (const [name, sql, duck] of rows)
  test(name, () => {
    const rewriter = new Rewriter({ parameter: (number) => `$${number}`, isNumber: () => true });
    assert.equal(rewriter.rewrite(tokensOf(sql)), duck);
  });

test("counts parameters on from call to call", () => {
  const rewriter = new Rewriter({ parameter: (number) => `p${number}` });
  assert.equal(rewriter.rewrite(tokensOf("?")), "p1");
  assert.equal(rewriter.rewrite(tokensOf("?, ?")), "p2 , p3");
  assert.equal(rewriter.parameterCount, 3);
});
