import assert from "node:assert/strict";
import { test } from "node:test";
import { mqtt } from "./mqtt.ts";
import { renderTable } from "./table-text.ts";

async function run(...argv: readonly string[]): Promise<string> {
  let printed = "";
  const stream = { write: (text: string) => (printed += text) };
  const stdin = (async function* () {})();
  await mqtt(argv, { env: {}, stdin, stdout: stream, stderr: stream });
  return printed;
}

test("columns are as wide as their cells", () => {
  const rows = [
    { clientId: "a-long-one", remote: null, persistent: true, queued: 5 },
    { clientId: "b", remote: "10.0.0.1:5", persistent: false, queued: 1200 },
  ];
  assert.equal(
    renderTable(rows),
    "clientId    remote      persistent  queued\n" +
      "a-long-one  -           yes              5\n" +
      "b           10.0.0.1:5  no            1200\n",
  );
  assert.equal(renderTable([]), "none\n");
});

test("control characters are escaped", () => {
  assert.match(renderTable([{ topic: "a\u001b[2J", published: 0 }]), /a\\u001b\[2J {2}1970-01-01T00:00:00\.000Z/);
});

test("help and usage say what can be listed", async () => {
  assert.match(
    await run("--help"),
    /polylog mqtt clients\|sessions\|subscriptions \[CLIENT\]\|retained\|delayed\|bridges\|kick CLIENT/,
  );
  const wrong = [
    [],
    ["nothing"],
    ["clients", "more"],
    ["kick"],
    ["kick", ""],
    ["kick", "a", "b"],
    ["clients", "--password=x"],
    ["clients", "--cancel=1"],
    ["retained", "--after=1"],
    ["delayed", "--cancel=x"],
    ["delayed", "more"],
  ];
  for (const argv of wrong) await assert.rejects(run(...argv), { code: "options.USAGE" });
});

test("a server that is not there is named", async () => {
  await assert.rejects(run("clients", "--url=http://127.0.0.1:1"), {
    code: "config.SERVER_UNREACHABLE",
    message: /http:\/\/127\.0\.0\.1:1/,
  });
});
