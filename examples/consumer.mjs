// Works off a log through a channel, as any NSQ consumer does; ends after `count` messages.
//
//   node examples/consumer.mjs [127.0.0.1:4150] [log] [channel] [count]

import nsq from "nsqjs";

const nsqd = process.argv[2] ?? "127.0.0.1:4150";
const log = process.argv[3] ?? "telemetry";
const channel = process.argv[4] ?? "workers";
const count = Number(process.argv[5] ?? 10);

const reader = new nsq.Reader(log, channel, { nsqdTCPAddresses: [nsqd], maxInFlight: 10 });
let finished = 0;
reader.on("message", (message) => {
  console.log(`${message.id} attempt ${message.attempts}: ${message.body}`);
  message.finish();
  if (++finished < count) return;
  console.log(`finished ${finished} messages`);
  setTimeout(() => process.exit(0), 100); // Lets the last FIN leave; nsqjs has no way to wait for it.
});
reader.on("error", (error) => {
  console.error(`cannot consume from ${nsqd}: ${error.message}`);
  process.exit(1);
});
reader.connect();
