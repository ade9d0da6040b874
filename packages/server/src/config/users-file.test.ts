import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUsersFile } from "./users-file.ts";

const password = "scrypt$10$8$1$c2FsdHNhbHRzYWx0c2FsdA$punalsgLVDmabDdlbwVieUjVAmz5_abwyjX3gfy3Xlo";

test("users and permissions are read", () => {
  const text = `
[[users]]
name = "ada"
password = "${password}"
certificate = true
publish = ["a/%c/#"]
manage = ["*"]
[[users]]
anonymous = true
consume = ["public-*"]
`;
  const none = { publish: [], subscribe: [], produce: [], consume: [], manage: [] };
  assert.deepEqual(parseUsersFile("f", text), [
    {
      name: "ada",
      passwordHash: password,
      certificate: true,
      permissions: { ...none, publish: ["a/%c/#"], manage: ["*"] },
    },
    {
      name: undefined,
      passwordHash: undefined,
      certificate: false,
      permissions: { ...none, consume: ["public-*"] },
    },
  ]);
});

test("an empty file has nobody in it", () => {
  assert.deepEqual(parseUsersFile("f", ""), []);
});

const wrong: readonly (readonly [toml: string, problem: RegExp])[] = [
  ["[[user]]", /user: no such key/],
  ['users = "ada"', /write \[\[users\]\]/],
  ["[[users]]", /user 1: name is a text/],
  ['[[users]]\nname = ""', /name is a text/],
  ['[[users]]\nname = "a"\nanonymous = true', /anonymous takes no name/],
  ['[[users]]\nname = "a"\npassword = "secret"', /"a": password is what `polylog users hash` prints/],
  ['[[users]]\nname = "a"\nproduces = []', /produces: no such key/],
  ['[[users]]\nname = "a"\nproduce = "x"', /produce is a list of texts/],
  ['[[users]]\nname = "a"\ncertificate = 1', /certificate is true or false/],
  ['[[users]]\nname = "a"\npublish = ["a/#/b", "a+", "+a"]', /"a\/#\/b" is no.*"a\+" is no.*"\+a" is no/s],
  ['[[users]]\nname = "a"\n[[users]]\nname = "a"', /another row for the same user/],
  ["[[users", /./],
];

for (const [toml, problem] of wrong) {
  test(`${JSON.stringify(toml)} is refused`, () => {
    assert.throws(() => parseUsersFile("f", toml), { code: "config.USERS_FILE_INVALID", message: problem });
  });
}
