import assert from "node:assert/strict";
import { test } from "node:test";
import { anonymous, type Principal } from "./access.ts";
import { isRefusal } from "./authenticator.ts";
import { hashPassword, isPasswordHash, verifyPassword } from "./password-hash.ts";
import { type User, Users } from "./users.ts";

/** "secret", at the least cost, so that tests are quick. */
const passwordHash = "scrypt$10$8$1$c2FsdHNhbHRzYWx0c2FsdA$punalsgLVDmabDdlbwVieUjVAmz5_abwyjX3gfy3Xlo";
const remote = "memory:1";
const bytes = (text: string) => Buffer.from(text);

function usersWith(...users: Partial<User>[]): Users {
  return new Users(users.map((user) => ({ name: "ada", passwordHash, permissions: {}, ...user })));
}

test("passwords are salted and verified", async () => {
  const hash = await hashPassword("secret");
  assert.ok(isPasswordHash(hash));
  assert.notEqual(hash, await hashPassword("secret"));
  assert.equal(await verifyPassword(hash, bytes("secret")), true);
  assert.equal(await verifyPassword(hash, "Secret"), false);
});

for (const text of ["", "secret", "scrypt$18$8$1$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA", "scrypt$15$8$1$c2FsdA$aGFzaA"]) {
  test(`"${text}" is no hash`, async () => {
    assert.equal(isPasswordHash(text), false);
    assert.equal(await verifyPassword(text, "secret"), false);
  });
}

test("the right password names a principal", async () => {
  const users = usersWith({});
  const credentials = { clientId: "c", userName: "ada", password: bytes("secret"), remote };
  assert.deepEqual(await users.authenticate(credentials), { name: "ada", clientId: "c" });
  // Known from now on: no promise.
  assert.deepEqual(users.authenticate(credentials), { name: "ada", clientId: "c" });
});

test("wrong, missing and unknown credentials are refused alike", async () => {
  const users = usersWith({}, { name: "nobody", passwordHash: undefined });
  const attempts = [
    { userName: "ada", password: bytes("Secret") },
    { userName: "ada" },
    { userName: "eve", password: bytes("secret") },
    { userName: "nobody", password: bytes("secret") },
    { certificateName: "ada" },
    {},
  ];
  for (const attempt of attempts)
    assert.deepEqual(await users.authenticate({ clientId: "c", remote, ...attempt }), { refused: "credentials" });
});

test("a certificate is enough where it may be", async () => {
  const users = usersWith({ certificate: true });
  assert.deepEqual(await users.authenticate({ clientId: "", remote, certificateName: "ada" }), {
    name: "ada",
    clientId: "",
  });
  const other = { clientId: "", remote, certificateName: "eve", userName: "ada" };
  assert.ok(isRefusal(await users.authenticate(other)));
});

test("a crowd of wrong passwords is told to come back", async () => {
  const users = usersWith({});
  const attempts = Array.from({ length: 1010 }, () =>
    users.authenticate({ clientId: "", userName: "ada", password: bytes("x"), remote }),
  );
  const results = await Promise.all(attempts);
  assert.deepEqual(results.at(-1), { refused: "busy" });
  assert.deepEqual(results[0], { refused: "credentials" });
});

test("nobody is let in while the list has no row for it", () => {
  const users = usersWith({});
  assert.equal(users.allows(anonymous, "connect", ""), false);
  assert.equal(users.allows(anonymous, "produce", "orders"), false);
  users.replace([{ name: undefined, permissions: { produce: ["orders"] } }]);
  assert.equal(users.allows(anonymous, "connect", ""), true);
  assert.equal(users.allows(anonymous, "produce", "orders"), true);
});

test("a new list counts for peers that are connected", () => {
  const users = usersWith({ permissions: { consume: ["*"] } });
  const ada: Principal = { name: "ada", clientId: "" };
  assert.equal(users.allows(ada, "consume", "orders"), true);
  users.replace([]);
  assert.equal(users.allows(ada, "consume", "orders"), false);
  assert.equal(users.allows(ada, "connect", ""), false);
});

const cases: readonly (readonly ["publish" | "subscribe" | "manage", string, string, boolean])[] = [
  ["publish", "a/b", "a/b", true],
  ["publish", "a/b", "a/b/c", false],
  ["publish", "a/+", "a/b", true],
  ["publish", "a/+", "a", false],
  ["publish", "a/#", "a", true],
  ["publish", "#", "a/b/c", true],
  ["publish", "#", "$SYS/x", false],
  ["publish", "+/x", "$SYS/x", false],
  ["publish", "$SYS/#", "$SYS/x", true],
  ["publish", "in/%c", "in/c-1", true],
  ["publish", "in/%u/#", "in/ada/x", true],
  ["publish", "in/%u", "in/eve", false],
  ["subscribe", "a/#", "a/+/c", true],
  ["subscribe", "a/#", "#", false],
  ["subscribe", "a/+", "a/#", false],
  ["subscribe", "a/+", "a/+", true],
  ["subscribe", "a/b", "a/+", false],
  ["subscribe", "a/#", "$share/group/a/b", true],
  ["subscribe", "a/#", "$share/a/b", false],
  ["subscribe", "#", "$share/group/$SYS/#", false],
  ["subscribe", "#", "$share/group", false],
  ["manage", "orders", "orders", true],
  ["manage", "orders*", "orders.dead", true],
  ["manage", "*", "", true],
  ["manage", "a*b*c", "a-b-c", true],
  ["manage", "a*bb*b", "abb", false],
  ["manage", "a*c", "a-b", false],
];

for (const [action, pattern, resource, expected] of cases) {
  test(`${pattern} ${expected ? "covers" : "leaves out"} ${action} ${resource}`, () => {
    const users = usersWith({ permissions: { [action]: [pattern] } });
    assert.equal(users.allows({ name: "ada", clientId: "c-1" }, action, resource), expected);
    assert.equal(users.allows({ name: "ada", clientId: "c-1" }, action, resource), expected);
  });
}

for (const clientId of ["", "#", "+", "a/b", undefined]) {
  test(`a client cannot widen its permission with ${JSON.stringify(clientId)}`, () => {
    const users = usersWith({ permissions: { subscribe: ["in/%c"], publish: ["in/%c/#"] } });
    const principal: Principal = clientId === undefined ? { name: "ada" } : { name: "ada", clientId };
    for (const filter of ["in/#", "in/+", "in/", "in/a/b", "in/x", `in/${clientId}`])
      assert.equal(users.allows(principal, "subscribe", filter), false, filter);
    assert.equal(users.allows(principal, "publish", "in/a/b"), false);
  });
}
